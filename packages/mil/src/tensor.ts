/** Tensors in memory: row-major typed arrays with a MIL element type, and the arithmetic of their shapes. */

import type { Dim, Dtype, NumericData, TensorType, Type } from './ir.js'

/**
 * A dense row-major tensor.
 *
 * fp16, bf16 and fp32 elements are in a `Float32Array` (fp16 and bf16 as the equal fp32 numbers), or in a
 * `Float64Array` when a program is evaluated without rounding. Sub-byte integers take a byte each; bools are 0/1.
 */
export interface Tensor {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly data: NumericData
}

/** Tells whether elements of `dtype` are floating-point numbers. */
export function isFloat(dtype: Dtype): boolean {
  return /^(fp|bf)/.test(dtype)
}

/** Allocates zeros for `size` elements of `dtype` in the array class a `Tensor` of that type uses. */
export function allocate(dtype: Dtype, size: number): NumericData {
  switch (dtype) {
    case 'fp64':
      return new Float64Array(size)
    case 'int4':
    case 'int8':
      return new Int8Array(size)
    case 'int16':
      return new Int16Array(size)
    case 'int32':
      return new Int32Array(size)
    case 'int64':
      return new BigInt64Array(size)
    case 'uint16':
      return new Uint16Array(size)
    case 'uint32':
      return new Uint32Array(size)
    case 'uint64':
      return new BigUint64Array(size)
    case 'string':
      throw new TypeError('Expected a numeric type for dtype, got string.')
    default:
      return isFloat(dtype) ? new Float32Array(size) : new Uint8Array(size)
  }
}

/** Number of elements of `shape`; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  let count = 1
  for (const dim of shape) count *= dim
  return count
}

/** Tells whether a tensor or its type has no elements although it is no list, as shapes and axes come from: none may. */
export function lacksElements({ dtype, shape }: { readonly dtype: Dtype; readonly shape: readonly Dim[] }): boolean {
  return shape.includes(0) && (shape.length !== 1 || isFloat(dtype))
}

/** Row-major strides of `shape`, in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride
    stride *= shape[axis]
  }
  return strides
}

/**
 * Strides that read a tensor of `shape` as if it had the broadcast shape `target`: 0 along repeated axes.
 *
 * `target` must be a shape that `shape` broadcasts to.
 */
export function broadcastStrides(shape: readonly number[], target: readonly number[]): number[] {
  const own = stridesOf(shape)
  const missing = target.length - shape.length
  return target.map((_, axis) => (axis < missing || shape[axis - missing] === 1 ? 0 : own[axis - missing]))
}

/**
 * Offsets of the elements a strided reader visits in row-major order of `shape`, starting at `start`.
 *
 * The result has `elementCount(shape)` entries.
 */
export function offsetsOf(shape: readonly number[], strides: readonly number[], start = 0): Int32Array {
  const offsets = new Int32Array(elementCount(shape))
  if (offsets.length === 0) return offsets
  offsets[0] = start
  let filled = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const step = strides[axis]
    const block = filled
    for (let i = 1; i < shape[axis]; i++) {
      for (let j = 0; j < block; j++) offsets[filled + j] = offsets[j] + i * step
      filled += block
    }
  }
  return offsets
}

/** The tensor a type describes: itself, the element of a state, or the dense view of a `tensor_buffer`. */
export function tensorOf(type: Type): TensorType | undefined {
  if (type.kind === 'tensor') return type
  if (type.kind === 'state') return tensorOf(type.element)
  if (type.kind === 'tensor_buffer') return { kind: 'tensor', dtype: type.dtype, shape: type.fields.shape ?? [] }
  return undefined
}
