/**
 * The shape of one row of the operation table: what an operation takes, yields, means, and differentiates to.
 *
 * Rows know neither the text nor the program around them; they see one call at a time.
 */

import type { Dtype, NumericData, TensorType, Value } from '../ir.js'
import type { Tensor } from '../tensor.js'

/** Reports operands an operation does not accept; the message follows `Expected <what> for <name>, got <value>.` */
export class OpError extends Error {
  override readonly name = 'OpError'
}

/** The operator sets, oldest first. An operation stays available in every later one. */
export const OPSETS = ['ios15', 'ios16', 'ios17', 'ios18'] as const

/** The opset in which an operation first appears. */
export type Opset = (typeof OPSETS)[number]

/** Default of an optional operand, converted to the operand's own type when used. */
export type DefaultValue = number | boolean | string | readonly number[]

/** One operand of an operation. */
export interface OperandSpec {
  /** MIL name, e.g. `keep_dims`. */
  readonly name: string
  /** A letter shared by operands of equal type (its choices are in `OpRow.types`), or the element types allowed. */
  readonly types: 'T' | 'U' | 'I' | readonly Dtype[]
  /** Must be known when the program is compiled: a `const`, a `constexpr_*` result or an immediate. */
  readonly constant?: boolean
  /** May be absent; `default` is then used, or the absence itself has a meaning. */
  readonly optional?: boolean
  readonly default?: DefaultValue
  /** Takes a list of values; each has its own type. */
  readonly variadic?: boolean
}

/** One operation: operands, shape rule, reference meaning, derivative. */
export interface OpRow {
  /** MIL name, e.g. `reduce_sum`. */
  readonly op: string
  readonly opset: Opset
  readonly operands: readonly OperandSpec[]
  /** Element types each letter in `operands` may stand for. */
  readonly types?: Readonly<Partial<Record<'T' | 'U' | 'I', readonly Dtype[]>>>
  /**
   * Computes the result types; unknown dimensions of the operands stay unknown (`null`).
   *
   * @throws {OpError} if the operands do not fit together
   */
  infer(call: Call): TensorType[]
  /**
   * Computes the results in binary64; the interpreter rounds each once to its type.
   *
   * A floating-point result in a `Float64Array` is rounded; one in a `Float32Array` only moves operand elements, which
   * are rounded already.
   */
  evaluate?(call: EvalCall): Tensor[]
  /** Builds the gradient of each operand for which `call.needs` holds; an absent one is zero. */
  vjp?(call: VjpCall): Gradients
}

/** Operand gradients by name: of a variadic operand one entry per value. */
export type Gradients = Partial<Record<string, Value | readonly (Value | undefined)[]>>

/** Operands of one operation as its shape rule sees them. */
export interface Call {
  readonly op: string
  /** Tells whether the operand is given (a default does not count). */
  has(name: string): boolean
  /** Type of a given operand. @throws {OpError} if it is absent */
  type(name: string): TensorType
  /** Types of a variadic operand. @throws {OpError} if it is absent */
  types(name: string): readonly TensorType[]
  /** Row-major numbers (bools as 0/1) of a constant operand or its default; undefined if neither is known. */
  numbers(name: string): readonly number[] | undefined
  /** One number of a constant operand or its default. @throws {OpError} if it is unknown or has several elements */
  number(name: string): number
  /** One bool of a constant operand or its default. @throws {OpError} if it is unknown */
  flag(name: string): boolean
  /** One string of a constant operand or its default. @throws {OpError} if it is unknown */
  text(name: string): string
}

/** Operands of one operation with their elements; `numbers` sees every operand, constant or not. */
export interface EvalCall extends Call {
  /** Elements of a given operand. @throws {OpError} if it is absent */
  tensor(name: string): Tensor
  /** Elements of a variadic operand. @throws {OpError} if it is absent */
  tensors(name: string): readonly Tensor[]
  /** Result types from `infer` with the actual shapes. */
  readonly results: readonly TensorType[]
  /** Whether results are rounded to their types afterwards; without it floating-point tensors are binary64. */
  readonly round: boolean
}

/** What a derivative may be built from. Numbers take the type of the operand they stand for. */
export type OperandInput = Value | number | boolean | string | readonly number[] | readonly boolean[] | readonly Value[]

/** The part of the program builder derivatives use. */
export interface Builder {
  /** Appends an operation with one result. */
  op(op: string, operands: Record<string, OperandInput>, options?: { name?: string }): Value
  /** Appends an operation with several results. */
  ops(op: string, operands: Record<string, OperandInput>, options?: { name?: string }): Value[]
  /** Makes a constant; fp16 data as equal fp32 numbers. */
  constant(dtype: Dtype, shape: readonly number[], data: NumericData, name?: string): Value
}

/** One operation of the forward program while its gradient is built. */
export interface VjpCall extends Call {
  readonly b: Builder
  /** Value of a given operand, usable in the backward program. @throws {OpError} if it is absent */
  value(name: string): Value
  /** Values of a variadic operand. @throws {OpError} if it is absent */
  values(name: string): readonly Value[]
  /** Results of the forward operation, usable in the backward program. */
  readonly y: readonly Value[]
  /** Gradients of the results; undefined where nothing depends on a result. */
  readonly dy: readonly (Value | undefined)[]
  /** Tells whether the gradient of an operand (of any value of a variadic one) is wanted. */
  needs(name: string): boolean
}
