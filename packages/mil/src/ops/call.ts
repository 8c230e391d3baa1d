/** Calls as shape rules see them: an operation's operands looked up by name, with the row's defaults. */

import { roundToFp16 } from '../fp16.js'
import type { Literal, Operand, TensorType, Value } from '../ir.js'
import { tensorOf } from '../tensor.js'
import { type Call, OpError, type OperandSpec, type OpRow } from './row.js'

/**
 * Finds the constant behind a value: the `val` of its `const`, undefined for anything else (also for constants whose
 * elements are in a file that is not at hand).
 */
export type ConstantLookup = (value: Value) => Literal | undefined

/**
 * Infers the result types of one operation after checking its operands: names, presence, element types, constants.
 *
 * @throws {OpError} if an operand does not fit the row
 */
export function inferTypes(row: OpRow, operands: Record<string, Operand>, constantOf: ConstantLookup): TensorType[] {
  const call = operandCall(row, operands, constantOf)
  checkOperands(row, call, Object.keys(operands))
  return row.infer(call)
}

/** Wraps the operands of one operation for its row. */
export function operandCall(row: OpRow, operands: Record<string, Operand>, constantOf: ConstantLookup): Call {
  return new OperandCall(row, operands, constantOf)
}

/**
 * Checks operand names, presence and element types against the row.
 *
 * @throws {OpError} naming the first operand that does not fit
 */
export function checkOperands(row: OpRow, call: Call, given: readonly string[]): void {
  for (const name of given) {
    if (!row.operands.some((spec) => spec.name === name)) {
      const known = row.operands.map((spec) => spec.name).join(', ')
      throw new OpError(`Expected an operand of ${row.op} (${known}), got ${name}.`)
    }
  }
  const letters = new Map<string, { name: string; dtype: string }>()
  for (const spec of row.operands) {
    if (!call.has(spec.name)) {
      if (spec.optional) continue
      throw new OpError(`Expected a value for ${spec.name}, got none.`)
    }
    if (spec.variadic) continue
    const { dtype } = call.type(spec.name)
    const letter = typeof spec.types === 'string' ? spec.types : undefined
    const allowed = typeof spec.types === 'string' ? row.types?.[spec.types] : spec.types
    if (allowed && !allowed.includes(dtype)) {
      throw new OpError(`Expected ${allowed.join(' or ')} for ${spec.name}, got ${dtype}.`)
    }
    if (!letter) continue
    const first = letters.get(letter)
    if (first && first.dtype !== dtype) {
      throw new OpError(`Expected ${first.dtype} (the type of ${first.name}) for ${spec.name}, got ${dtype}.`)
    }
    letters.set(letter, { name: spec.name, dtype })
  }
}

/** Operand lookup shared by every kind of call; subclasses say where types and numbers come from. */
export abstract class BaseCall implements Call {
  readonly op: string
  readonly #row: OpRow

  constructor(row: OpRow) {
    this.op = row.op
    this.#row = row
  }

  abstract has(name: string): boolean
  abstract type(name: string): TensorType
  abstract types(name: string): readonly TensorType[]
  /** Numbers of a given operand, without defaults. */
  protected abstract given(name: string): readonly number[] | undefined
  /** String of a given operand, without defaults. */
  protected abstract givenText(name: string): string | undefined

  numbers(name: string): readonly number[] | undefined {
    if (this.has(name)) return this.given(name)
    const spec = this.#spec(name)
    const value = spec?.default
    if (value === undefined || typeof value === 'string') return undefined
    if (typeof value === 'object') return value
    return [typeof spec?.types === 'string' ? this.#inElementType(Number(value)) : Number(value)]
  }

  number(name: string): number {
    const numbers = this.numbers(name)
    if (numbers?.length !== 1) {
      const got = numbers ? `${numbers.length} numbers` : this.has(name) ? 'a value computed at run time' : 'none'
      throw new OpError(`Expected one constant number for ${name}, got ${got}.`)
    }
    return numbers[0]
  }

  flag(name: string): boolean {
    return this.number(name) !== 0
  }

  text(name: string): string {
    const value = this.has(name) ? this.givenText(name) : this.#spec(name)?.default
    if (typeof value !== 'string') throw new OpError(`Expected a constant string for ${name}, got none.`)
    return value
  }

  /** Rounds a default to the type of the first operand: an fp16 epsilon of 1e-45 is 0. */
  #inElementType(value: number): number {
    const [first] = this.#row.operands
    const dtype = !first.variadic && this.has(first.name) ? this.type(first.name).dtype : undefined
    return dtype === 'fp16' ? roundToFp16(value) : dtype === 'fp32' ? Math.fround(value) : value
  }

  #spec(name: string): OperandSpec | undefined {
    return this.#row.operands.find((spec) => spec.name === name)
  }
}

class OperandCall extends BaseCall {
  readonly #operands: Record<string, Operand>
  readonly #constantOf: ConstantLookup

  constructor(row: OpRow, operands: Record<string, Operand>, constantOf: ConstantLookup) {
    super(row)
    this.#operands = operands
    this.#constantOf = constantOf
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#operands, name)
  }

  type(name: string): TensorType {
    const operand = this.#operand(name)
    if (operand.kind === 'list') throw new OpError(`Expected one value for ${name}, got a list.`)
    return operandType(operand, name)
  }

  types(name: string): readonly TensorType[] {
    const operand = this.#operand(name)
    if (operand.kind !== 'list') return [operandType(operand, name)]
    return operand.items.map((item, i) => operandType(item, `${name}[${i}]`))
  }

  protected given(name: string): readonly number[] | undefined {
    const value = this.#literal(name)?.value
    return value?.kind === 'numbers' ? Array.from(value.data, Number) : undefined
  }

  protected givenText(name: string): string | undefined {
    const value = this.#literal(name)?.value
    return value?.kind === 'strings' && value.data.length === 1 ? value.data[0] : undefined
  }

  #literal(name: string): Literal | undefined {
    const operand = this.#operand(name)
    if (operand.kind === 'list') return undefined
    return operand.kind === 'literal' ? operand.literal : this.#constantOf(operand.value)
  }

  #operand(name: string): Operand {
    const operand = this.#operands[name]
    if (!operand) throw new OpError(`Expected a value for ${name}, got none.`)
    return operand
  }
}

function operandType(operand: Operand, name: string): TensorType {
  const type = operand.kind === 'value' ? operand.value.type : operand.kind === 'literal' && operand.literal.type
  const tensor = type && tensorOf(type)
  if (!tensor) throw new OpError(`Expected a tensor for ${name}, got ${type ? `a ${type.kind}` : 'a list'}.`)
  return tensor
}
