/**
 * The character GPT-2's files write for each byte: printable Latin-1 bytes stand for themselves, the other 68 are
 * U+0100 and up in order.
 */
export const byteCharacters: readonly string[] = (() => {
  let spare = 0x100
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad)
    return String.fromCharCode(printable ? byte : spare++)
  })
})()

const bytesOf = new Map(byteCharacters.map((character, byte) => [character, byte]))

/** Spells bytes in GPT-2's characters. */
export function spellBytes(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byteCharacters[byte]
  return text
}

/** Gives the bytes a token of a byte-level vocabulary stands for; a token with other characters stands for its UTF-8. */
export function unspellBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length)
  for (let i = 0; i < token.length; i++) {
    const byte = bytesOf.get(token[i])
    if (byte === undefined) return new TextEncoder().encode(token)
    bytes[i] = byte
  }
  return bytes
}

/** Reads the byte out of a SentencePiece byte piece such as `<0x0A>`, −1 for any other piece. */
export function bytePiece(piece: string): number {
  return /^<0x[0-9A-F]{2}>$/.test(piece) ? Number.parseInt(piece.slice(3, 5), 16) : -1
}

/** Writes the SentencePiece piece of a byte, `<0x0A>` for 10. */
export function bytePieceName(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
}
