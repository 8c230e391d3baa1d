/** Views: rectangles of elements in a surface or typed array that host kernels read and write. */
import type { Surface, View } from './device.js'
import { dtypeBytes, matrixOf } from './shapes.js'

/** Size and place of a view; offset and strides in elements, at least 0. */
export interface ViewOptions {
  rows: number
  cols: number
  /** Default 0. */
  offset?: number
  /** Default `cols`: dense rows. */
  rowStride?: number
  /** Default 1. */
  colStride?: number
}

/** Element type of what a view addresses. A `Uint16Array` holds the bits of fp16 numbers. */
export type ViewDtype = Surface['dtype'] | 'fp64'

/**
 * A rectangle in a surface or typed array.
 *
 * @throws {TypeError} if `of` is neither
 * @throws {RangeError} if a size or stride is not a non-negative integer or an element lies outside
 */
export function view(of: View['of'], options: ViewOptions): View {
  const { rows, cols, offset = 0, rowStride = cols, colStride = 1 } = options
  const result = { of, rows, cols, offset, rowStride, colStride }
  checkView(result, 'view')
  return result
}

/** All columns of `count` channels from channel `from` on: rows are channels. @throws {RangeError} if they lie outside */
export function channels(surface: Surface, from = 0, count = matrixOf(surface.shape).rows - from): View {
  const { rows, cols } = matrixOf(surface.shape)
  checkRange('channels', from, count, rows)
  return view(surface, { rows: count, cols, offset: from * cols, rowStride: cols })
}

/** `count` columns of all channels from column `from` on. @throws {RangeError} if they lie outside */
export function columns(surface: Surface, from = 0, count = matrixOf(surface.shape).cols - from): View {
  const { rows, cols } = matrixOf(surface.shape)
  checkRange('columns', from, count, cols)
  return view(surface, { rows, cols: count, offset: from, rowStride: cols })
}

/** The same elements with rows and columns exchanged. */
export function transposed(of: View): View {
  return { ...of, rows: of.cols, cols: of.rows, rowStride: of.colStride, colStride: of.rowStride }
}

/** Element type of a view. @throws {TypeError} if it addresses neither a surface nor a supported typed array */
export function viewDtype({ of }: View): ViewDtype {
  if (of instanceof Float32Array) return 'fp32'
  if (of instanceof Float64Array) return 'fp64'
  if (of instanceof Int32Array) return 'int32'
  if (of instanceof Uint16Array) return 'fp16'
  if (isSurface(of)) return of.dtype
  throw new TypeError(
    `Expected a surface, Float32Array, Float64Array, Int32Array or Uint16Array for a view, got ${nameOf(of)}.`,
  )
}

/** Elements the memory of a view has in all. */
function viewCapacity({ of }: View): number {
  return isSurface(of) ? of.bytes.byteLength / dtypeBytes[of.dtype] : of.length
}

/** Whether a view's memory is a surface. */
export function isSurface(of: View['of']): of is Surface {
  return typeof of === 'object' && of !== null && !ArrayBuffer.isView(of) && 'dtype' in of && 'shape' in of
}

/**
 * Checks that all elements of a view lie in its memory.
 *
 * @throws {TypeError} if its memory is of an unsupported kind
 * @throws {RangeError} if a size or stride is not a non-negative integer or an element lies outside
 */
export function checkView(candidate: View, name: string): void {
  viewDtype(candidate)
  const { rows, cols, offset, rowStride, colStride } = candidate
  for (const [field, value] of Object.entries({ rows, cols, offset, rowStride, colStride })) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`Expected a non-negative integer for ${name}.${field}, got ${String(value)}.`)
    }
  }
  const capacity = viewCapacity(candidate)
  const last = rows === 0 || cols === 0 ? offset - 1 : offset + (rows - 1) * rowStride + (cols - 1) * colStride
  if (!(last < capacity)) {
    throw new RangeError(
      `Expected a view inside ${capacity} elements for ${name}, got ${rows} x ${cols} at offset ${offset} ` +
        `with strides ${rowStride}, ${colStride}.`,
    )
  }
}

/** Whether two (row, column) pairs of a view are the same element, which makes writing it ambiguous. */
export function overlapsItself({ rows, cols, rowStride, colStride }: View): boolean {
  if (rows * cols <= 1) return false
  const common = greatestCommonDivisor(rowStride, colStride)
  if (common === 0) return true
  return colStride / common < rows && rowStride / common < cols
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

function checkRange(what: string, from: number, count: number, limit: number): void {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count) || from < 0 || count < 0 || from + count > limit) {
    throw new RangeError(`Expected ${what} inside ${limit}, got ${count} from ${from} on.`)
  }
}

function nameOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? (value.constructor?.name ?? 'an object') : String(value)
}
