/** How the builder reads operands given as plain JavaScript values. */

import type { Dtype, Literal, Operand, TensorType, Value } from './ir.js'
import { numericLiteral, stringLiteral } from './literals.js'
import { OpError, type OperandInput, type OperandSpec, type OpRow } from './ops/row.js'

/** Tells whether an operand is a value of the program already. */
export function isValue(input: OperandInput): input is Value {
  return typeof input === 'object' && 'type' in input && 'name' in input
}

/**
 * Turns plain numbers, strings and lists into an operand of the type the row asks for.
 *
 * @param constant makes the operand of a constant; its second argument is a legible name
 * @throws {OpError} if the row has no such operand or the value cannot have its type
 */
export function operandOf(
  row: OpRow,
  name: string,
  input: Exclude<OperandInput, Value>,
  operands: Record<string, OperandInput>,
  constant: (literal: Literal, name: string) => Operand,
): Operand {
  const spec = row.operands.find((candidate) => candidate.name === name)
  if (!spec) {
    const known = row.operands.map((candidate) => candidate.name).join(', ')
    throw new OpError(`Expected an operand of ${row.op} (${known}), got ${name}.`)
  }
  if (spec.variadic) {
    if (!Array.isArray(input)) throw new OpError(`Expected a list of values for ${name}, got ${String(input)}.`)
    return { kind: 'list', items: (input as readonly Value[]).map((value) => ({ kind: 'value', value })) }
  }
  if (typeof input === 'string') return constant(stringLiteral(input), `c_${name}_${legible(input)}`)
  const list = Array.isArray(input) ? (input as readonly (number | boolean)[]) : undefined
  const numbers = list ? list.map(Number) : [Number(input)]
  const isBool = list ? list.length > 0 && list.every((item) => typeof item === 'boolean') : typeof input === 'boolean'
  const dtype = isBool ? 'bool' : numberType(row, spec, numbers, operands)
  const hint = legible(numbers.length > 8 ? `${numbers.length}_numbers` : isBool ? String(input) : numbers.join('_'))
  return constant(numericLiteral(dtype, list ? [numbers.length] : [], numbers, name), `c_${name}_${hint}`)
}

/** The type shared with other operands, else the type of any value among them, else int32 for integers. */
function numberType(
  row: OpRow,
  spec: OperandSpec,
  numbers: readonly number[],
  operands: Record<string, OperandInput>,
): Dtype {
  const types = row.operands
    .filter((other) => other !== spec && !other.variadic)
    .map((other) => ({ spec: other, input: operands[other.name] }))
    .filter((other) => other.input !== undefined && isValue(other.input))
    .map((other) => ({ letter: other.spec.types, dtype: ((other.input as Value).type as TensorType).dtype }))
  if (typeof spec.types === 'string') {
    const shared = types.find((other) => other.letter === spec.types)
    if (shared) return shared.dtype
  }
  const allowed = typeof spec.types === 'string' ? (row.types?.[spec.types] ?? []) : spec.types
  const near = types.find((other) => allowed.includes(other.dtype))
  if (near) return near.dtype
  if (numbers.every(Number.isInteger) && allowed.includes('int32')) return 'int32'
  const first = allowed[0]
  if (!first || first === 'string')
    throw new OpError(`Expected ${first ?? 'a value'} for ${spec.name}, got ${numbers}.`)
  return first
}

/** A key equal for constants of equal type and elements. */
export function constantKey(literal: Literal): string {
  const { type, value } = literal
  const head = type.kind === 'tensor' ? `${type.dtype}[${type.shape}]` : type.kind
  if (value.kind === 'strings') return `${head}${JSON.stringify(value.data)}`
  if (value.kind !== 'numbers') return `${head}${JSON.stringify(value)}`
  // String() gives -0 the digits of 0, and they differ.
  return `${head}${Array.from(value.data as ArrayLike<number>, (item) => (Object.is(item, -0) ? '-0' : String(item)))}`
}

/** A name that tells the type and the elements of a short constant. */
export function constantName(literal: Literal): string {
  const { type, value } = literal
  const dtype = type.kind === 'tensor' ? type.dtype : type.kind
  const short =
    value.kind === 'numbers' && value.data.length <= 8 ? legible(Array.from(value.data, String).join('_')) : ''
  return short ? `c_${dtype}_${short}` : `c_${dtype}`
}

function legible(text: string): string {
  const spelled = text
    .replace(/-/g, 'm')
    .replace(/\./g, 'p')
    .replace(/[^A-Za-z0-9]+/g, '_')
  return spelled.slice(0, 40)
}
