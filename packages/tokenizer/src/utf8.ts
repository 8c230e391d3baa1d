const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Gives the length in bytes of the well-formed UTF-8 sequence at `at`: 0 when it is malformed, −1 when the bytes end
 * inside a sequence that could still become well-formed.
 */
export function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]
  if (lead < 0x80) return 1
  const length = lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0
  for (let i = 1; i < length; i++) {
    if (at + i >= bytes.length) return -1
    const byte = bytes[at + i]
    let low = 0x80
    let high = 0xbf
    if (i === 1) {
      if (lead === 0xe0) low = 0xa0
      else if (lead === 0xed) high = 0x9f
      else if (lead === 0xf0) low = 0x90
      else if (lead === 0xf4) high = 0x8f
    }
    if (byte < low || byte > high) return 0
  }
  return length
}

/** Finds the first byte that is not well-formed UTF-8, −1 when there is none; a cut-off last sequence counts as malformed. */
export function malformedAt(bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; ) {
    const length = sequenceLength(bytes, i)
    if (length <= 0) return i
    i += length
  }
  return -1
}

/** Counts the trailing bytes that begin a sequence which later bytes may complete (0 to 3). */
export function incompleteTail(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const at = bytes.length - back
    if ((bytes[at] & 0xc0) === 0x80) continue
    return sequenceLength(bytes, at) === -1 ? back : 0
  }
  return 0
}

/** Decodes UTF-8 and gives one U+FFFD for every byte that is part of no well-formed sequence, as SentencePiece does. */
export function decodePerByte(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes)
  } catch {
    const parts: string[] = []
    let from = 0
    for (let i = 0; i < bytes.length; ) {
      const length = sequenceLength(bytes, i)
      if (length > 0) {
        i += length
        continue
      }
      if (i > from) parts.push(strict.decode(bytes.subarray(from, i)))
      parts.push('\ufffd')
      from = ++i
    }
    if (from < bytes.length) parts.push(strict.decode(bytes.subarray(from)))
    return parts.join('')
  }
}

/** Decodes UTF-8 and gives one U+FFFD for every maximal malformed part, as WHATWG decoders do. */
export function decodePerRun(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
}

/** Replaces lone surrogates, which no UTF-8 can hold, by U+FFFD. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd')
}
