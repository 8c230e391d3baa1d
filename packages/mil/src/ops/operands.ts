/** Operand specifications, the element types they allow, and the arrays results are computed in. */

import type { Dtype } from '../ir.js'
import { allocate, elementCount, isFloat, type Tensor } from '../tensor.js'
import { type EvalCall, OpError, type OperandSpec } from './row.js'

/** The floating-point types of activations and weights. */
export const FLOATS: readonly Dtype[] = ['fp16', 'fp32']

/** The types arithmetic is defined for. */
export const NUMBERS: readonly Dtype[] = ['fp16', 'fp32', 'int32']

/** The integer types of ios17 and int32. */
export const INTEGERS: readonly Dtype[] = ['int8', 'uint8', 'int16', 'uint16', 'int32']

/** The types data can be moved in. */
export const ANY: readonly Dtype[] = [...FLOATS, ...INTEGERS, 'bool']

/** Arrays whose elements are JavaScript numbers. */
export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array

/** Declares a required operand. */
export function operand(name: string, types: OperandSpec['types']): OperandSpec {
  return { name, types }
}

/** Declares a required compile-time constant. */
export function constant(name: string, types: OperandSpec['types']): OperandSpec {
  return { name, types, constant: true }
}

/** Declares an optional compile-time constant; without `value` its absence has a meaning of its own. */
export function option(name: string, types: OperandSpec['types'], value?: OperandSpec['default']): OperandSpec {
  return { name, types, constant: true, optional: true, ...(value === undefined ? {} : { default: value }) }
}

/** Elements of an operand. @throws {OpError} if they are 64-bit integers */
export function elements(tensor: Tensor): NumberArray {
  if (tensor.data instanceof BigInt64Array || tensor.data instanceof BigUint64Array) {
    throw new OpError(`Expected elements of at most 32 bits, got ${tensor.dtype}.`)
  }
  return tensor.data
}

/** Shape of result `index`. @throws {OpError} if the shape rule left a dimension unknown */
export function resultShape(call: EvalCall, index = 0): number[] {
  return call.results[index].shape.map((dim) => {
    if (dim === null) throw new OpError(`Expected known dimensions for result ${index} of ${call.op}, got ?.`)
    return dim
  })
}

/** Allocates result `index` of a computation: binary64 for floating-point types, to be rounded afterwards. */
export function computed(call: EvalCall, index = 0): Tensor & { data: NumberArray } {
  const shape = resultShape(call, index)
  const { dtype } = call.results[index]
  const size = elementCount(shape)
  return { dtype, shape, data: isFloat(dtype) ? new Float64Array(size) : (allocate(dtype, size) as NumberArray) }
}

/** Allocates result `index` of a data movement: the same array class as `source`, so nothing is rounded again. */
export function moved(call: EvalCall, source: Tensor, index = 0): Tensor & { data: NumberArray } {
  const shape = resultShape(call, index)
  const make = elements(source).constructor as new (size: number) => NumberArray
  return { dtype: source.dtype, shape, data: new make(elementCount(shape)) }
}
