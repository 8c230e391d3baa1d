import { FormatError } from './format-error.js'
import { MAX_PIECE_LENGTH, MAX_PIECES } from './piece-vocabulary.js'

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** One entry of a llama2.c `tokenizer.bin`. */
export interface BinPiece {
  text: string
  /** fp32; pairs whose piece has the highest score merge first. */
  score: number
}

/**
 * Reads a llama2.c `tokenizer.bin`: an int32 of the longest piece, then fp32 score, int32 length and bytes per piece.
 *
 * The layout states no vocabulary size; pieces run to the end of the file.
 *
 * @throws {FormatError} when a piece is cut off, longer than stated, not UTF-8, or there is none
 */
export function readTokenizerBin(bytes: Uint8Array, path?: string): BinPiece[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 4) throw new FormatError(`Expected a header of 4 bytes, got ${bytes.length}.`, { path, offset: 0 })
  const longest = view.getInt32(0, true)
  if (longest < 1 || longest > MAX_PIECE_LENGTH) {
    throw new FormatError(`Expected 1 to ${MAX_PIECE_LENGTH} for the longest piece, got ${longest}.`, {
      path,
      offset: 0,
    })
  }
  const pieces: BinPiece[] = []
  for (let at = 4; at < bytes.length; ) {
    if (bytes.length - at < 8) {
      throw new FormatError(`Expected score and length of piece ${pieces.length}, got ${bytes.length - at} bytes.`, {
        path,
        offset: at,
      })
    }
    const score = view.getFloat32(at, true)
    const length = view.getInt32(at + 4, true)
    // Control pieces carry a line break on each side that llama2.c's exporter leaves out of the stated maximum.
    if (length < 0 || length > Math.max(longest, 16) || length > bytes.length - at - 8) {
      const most = Math.min(Math.max(longest, 16), bytes.length - at - 8)
      throw new FormatError(`Expected at most ${most} for the length of piece ${pieces.length}, got ${length}.`, {
        path,
        offset: at + 4,
      })
    }
    if (Number.isNaN(score))
      throw new FormatError(`Expected a number for score ${pieces.length}, got NaN.`, { path, offset: at })
    try {
      pieces.push({ text: strict.decode(bytes.subarray(at + 8, at + 8 + length)), score })
    } catch (cause) {
      throw new FormatError(`Expected UTF-8 for piece ${pieces.length}, got other bytes.`, {
        path,
        offset: at + 8,
        cause,
      })
    }
    if (pieces.length > MAX_PIECES)
      throw new FormatError(`Expected at most ${MAX_PIECES} pieces, got more.`, { path, offset: at })
    at += 8 + length
  }
  if (pieces.length === 0) throw new FormatError('Expected pieces in a tokenizer.bin, got none.', { path, offset: 4 })
  return pieces
}

/** Writes a llama2.c `tokenizer.bin`; scores are rounded to fp32. */
export function writeTokenizerBin(pieces: readonly BinPiece[]): Uint8Array {
  const encoded = pieces.map((piece) => Buffer.from(piece.text))
  const bytes = new Uint8Array(encoded.reduce((sum, piece) => sum + 8 + piece.length, 4))
  const view = new DataView(bytes.buffer)
  view.setInt32(
    0,
    encoded.reduce((longest, piece) => Math.max(longest, piece.length), 0),
    true,
  )
  let at = 4
  for (const [id, piece] of encoded.entries()) {
    view.setFloat32(at, pieces[id].score, true)
    view.setInt32(at + 4, piece.length, true)
    bytes.set(piece, at + 8)
    at += 8 + piece.length
  }
  return bytes
}

/** Spells a SentencePiece vocabulary as llama2.c's exporter does: spaces as spaces, line breaks around BOS and EOS. */
export function exportedPiece(text: string, id: number, bosId: number | undefined, eosId: number | undefined): string {
  return id === bosId || id === eosId ? `\n${text}\n` : text.replaceAll('\u2581', ' ')
}
