/** Pieces derivatives are built from, in operations the ANE kernels use. */

import type { TensorType, Value } from '../ir.js'
import type { VjpCall } from './row.js'
import { knownShape } from './shapes.js'

/** Known shape of a value. @throws {OpError} if a dimension is unknown */
export function shapeOf(value: Value): number[] {
  return knownShape(value.type as TensorType, value.name)
}

/** Known shape of an operand, without asking for its value. @throws {OpError} if a dimension is unknown */
export function operandShape(call: VjpCall, name: string): number[] {
  return knownShape(call.type(name), name)
}

/** Reshapes a value unless it has that shape already. */
export function reshaped(call: VjpCall, value: Value, shape: readonly number[]): Value {
  const own = shapeOf(value)
  if (own.length === shape.length && own.every((dim, axis) => dim === shape[axis])) return value
  return call.b.op('reshape', { x: value, shape })
}

/** Sums a gradient over the axes along which an operand of shape `shape` was repeated. */
export function unbroadcast(call: VjpCall, gradient: Value, shape: readonly number[]): Value {
  const own = shapeOf(gradient)
  const missing = own.length - shape.length
  const axes = own.flatMap((dim, axis) => (dim !== 1 && (axis < missing || shape[axis - missing] === 1) ? [axis] : []))
  const summed = axes.length ? call.b.op('reduce_sum', { x: gradient, axes, keep_dims: true }) : gradient
  return reshaped(call, summed, shape)
}

/** Makes a constant filled with `value` in the type of `like`. */
export function filled(call: VjpCall, like: Value, shape: readonly number[], value: number): Value {
  const size = shape.reduce((total, dim) => total * dim, 1)
  return call.b.constant((like.type as TensorType).dtype, shape, new Float32Array(size).fill(value))
}

/** Surrounds a gradient with zeros so that it has shape `shape` and starts at `begin`. */
export function embedded(call: VjpCall, gradient: Value, shape: readonly number[], begin: readonly number[]): Value {
  let value = gradient
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const own = shapeOf(value)
    const after = shape[axis] - begin[axis] - own[axis]
    const zeros = (size: number) => filled(call, gradient, own.with(axis, size), 0)
    const pieces = [...(begin[axis] ? [zeros(begin[axis])] : []), value, ...(after ? [zeros(after)] : [])]
    if (pieces.length > 1) value = call.b.op('concat', { values: pieces, axis, interleave: false })
  }
  return value
}
