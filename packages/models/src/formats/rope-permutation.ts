/**
 * llama2.c rotates the pairs (2i, 2i + 1) of a head, Hugging Face the pairs (i, i + head_dim / 2). Reordering the rows of
 * the query and key projections turns one into the other without changing any result.
 */

function permuteHeads(data: Float32Array, headDim: number, columns: number, toHalf: boolean): Float32Array {
  const rows = data.length / columns
  if (!Number.isInteger(rows / headDim) || headDim % 2 !== 0) {
    throw new RangeError(`Expected whole heads of an even head_dim, got ${rows} rows and head_dim ${headDim}.`)
  }
  const out = new Float32Array(data.length)
  for (let row = 0; row < rows; row++) {
    const inHead = row % headDim
    const half = row - inHead + (inHead % 2) * (headDim / 2) + Math.floor(inHead / 2)
    const [from, to] = toHalf ? [row, half] : [half, row]
    out.set(data.subarray(from * columns, (from + 1) * columns), to * columns)
  }
  return out
}

/** Rows `[heads · head_dim, columns]` from interleaved order to half order. @throws {RangeError} if heads are not whole */
export const interleavedToHalf = (data: Float32Array, headDim: number, columns: number): Float32Array =>
  permuteHeads(data, headDim, columns, true)

/** Rows `[heads · head_dim, columns]` from half order to interleaved order. @throws {RangeError} if heads are not whole */
export const halfToInterleaved = (data: Float32Array, headDim: number, columns: number): Float32Array =>
  permuteHeads(data, headDim, columns, false)

/** Whether a weight's rows depend on the pairing, by its checkpoint name. */
export const isRotated = (name: string): boolean => /\.(q|k)_proj\.weight$/.test(name)
