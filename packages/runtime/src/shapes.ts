/** Shapes and element types of surfaces: sizes, names, the matrix a tensor is. */
import type { SurfaceDtype } from './device.js'

/** Bytes of one element. */
export const dtypeBytes: Readonly<Record<SurfaceDtype, number>> = {
  fp16: 2,
  fp32: 4,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  bool: 1,
}

const maxBytes = 2 ** 32 - 1

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1)
}

/** `fp16 [1, 4, 1, 8]`, as messages spell a tensor. */
export function describeTensor(dtype: string, shape: readonly number[]): string {
  return `${dtype} [${shape.join(', ')}]`
}

/** Rows and columns of a tensor as the matrix its views address: all dimensions but the last, and the last. */
export function matrixOf(shape: readonly number[]): { rows: number; cols: number } {
  return { rows: elementCount(shape.slice(0, -1)), cols: shape.at(-1) ?? 1 }
}

/**
 * Checks what `createSurface` was given.
 *
 * @throws {TypeError} if the type is not one a surface can hold
 * @throws {RangeError} if a dimension is not a positive integer or the surface would be 4 GiB or larger
 */
export function checkSurface(shape: readonly number[], dtype: SurfaceDtype): void {
  if (!Object.hasOwn(dtypeBytes, dtype)) {
    throw new TypeError(`Expected one of ${Object.keys(dtypeBytes).join(', ')} for dtype, got ${String(dtype)}.`)
  }
  if (!Array.isArray(shape) || shape.length > 8) {
    throw new TypeError(`Expected an array of at most 8 dimensions for shape, got ${String(shape)}.`)
  }
  for (const dim of shape) {
    if (!Number.isSafeInteger(dim) || dim < 1) {
      throw new RangeError(`Expected positive integers for shape, got [${shape.join(', ')}].`)
    }
  }
  if (elementCount(shape) * dtypeBytes[dtype] > maxBytes) {
    throw new RangeError(`Expected less than 4 GiB for a surface, got ${describeTensor(dtype, shape)}.`)
  }
}
