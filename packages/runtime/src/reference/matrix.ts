/** Element access for the reference kernels. */
import { fp16FromBits, fp16ToBits, roundToFp16 } from '@ane/mil'
import type { View } from '../device.js'
import { elementsOf } from '../elements.js'
import { isSurface, viewDtype } from '../views.js'
import type { Matrix } from './kernels/kernel.js'

/** A matrix over the memory of a view. fp16 reads widen exactly; writes round once from binary64. */
export function matrixOver(view: View): Matrix {
  const elements = isSurface(view.of) ? elementsOf(view.of.bytes, view.of.dtype) : view.of
  const half = viewDtype(view) === 'fp16'
  const at = (row: number, col: number) => view.offset + row * view.rowStride + col * view.colStride
  return {
    rows: view.rows,
    cols: view.cols,
    get: half ? (row, col) => fp16FromBits(elements[at(row, col)]) : (row, col) => elements[at(row, col)],
    set: half
      ? (row, col, value) => {
          elements[at(row, col)] = fp16ToBits(roundToFp16(value))
        }
      : (row, col, value) => {
          elements[at(row, col)] = value
        },
  }
}
