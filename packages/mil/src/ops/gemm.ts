/** Matrix products over strided operands, accumulated in binary64. */

import type { NumberArray } from './operands.js'

/** A matrix inside an array: element (r, c) is at `offset + r·row + c·column`. */
export interface Matrix {
  readonly data: NumberArray
  readonly offset: number
  readonly row: number
  readonly column: number
}

/** A dense row-major matrix of `columns` columns, seen transposed if asked. */
export function matrix(data: NumberArray, offset: number, columns: number, transposed = false): Matrix {
  return transposed ? { data, offset, row: 1, column: columns } : { data, offset, row: columns, column: 1 }
}

/** Adds a · b to the dense row-major `out`: a [M, K], b [K, N], out [M, N] from `outOffset`. */
export function gemm(
  a: Matrix,
  b: Matrix,
  out: Float64Array,
  outOffset: number,
  M: number,
  K: number,
  N: number,
): void {
  const [x, y] = [a.data, b.data]
  for (let m = 0; m < M; m++) {
    const row = outOffset + m * N
    if (b.column === 1) {
      for (let k = 0; k < K; k++) {
        const factor = x[a.offset + m * a.row + k * a.column]
        const from = b.offset + k * b.row
        for (let n = 0; n < N; n++) out[row + n] += factor * y[from + n]
      }
      continue
    }
    for (let n = 0; n < N; n++) {
      let total = 0
      let left = a.offset + m * a.row
      let right = b.offset + n * b.column
      for (let k = 0; k < K; k++) {
        total += x[left] * y[right]
        left += a.column
        right += b.row
      }
      out[row + n] += total
    }
  }
}
