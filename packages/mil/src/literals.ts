/** Constants as data: making literals of programs and reading them back. */

import { roundToFp16 } from './fp16.js'
import type { Dtype, Function as Func, Literal, NumericData, Operand, Program, TensorType, Value } from './ir.js'
import { allocate, elementCount, isFloat } from './tensor.js'

/** Makes a tensor type. */
export function tensorType(dtype: Dtype, shape: readonly (number | null)[]): TensorType {
  return { kind: 'tensor', dtype, shape: [...shape] }
}

/** Makes a scalar string constant. */
export function stringLiteral(text: string): Literal {
  return { type: tensorType('string', []), value: { kind: 'strings', data: [text] } }
}

/**
 * Makes a numeric constant of `shape`; fp16 and fp32 elements are rounded to the type, bools given as 0/1.
 *
 * @throws {RangeError} if the number of elements differs from the shape's, an integer does not fit its type, or a
 *   finite number overflows its floating-point type
 */
export function numericLiteral(
  dtype: Dtype,
  shape: readonly number[],
  values: ArrayLike<number | bigint>,
  name = 'constant',
): Literal {
  const data = allocate(dtype, elementCount(shape))
  if (values.length !== data.length) {
    throw new RangeError(`Expected ${data.length} elements for ${name}, got ${values.length}.`)
  }
  const wide = data instanceof BigInt64Array || data instanceof BigUint64Array
  for (let i = 0; i < data.length; i++) {
    if (wide) data[i] = BigInt(values[i]) as never
    else data[i] = (dtype === 'fp16' ? roundToFp16(Number(values[i])) : Number(values[i])) as never
    const [given, stored] = [Number(values[i]), Number(data[i])]
    const lost = isFloat(dtype) ? Number.isFinite(given) && !Number.isFinite(stored) : given !== stored
    if (lost) throw new RangeError(`Expected numbers ${dtype} can hold for ${name}, got ${given}.`)
  }
  return { type: tensorType(dtype, shape), value: { kind: 'numbers', data } }
}

/** Row-major numbers of a literal, undefined if they are in a file or it is no numeric tensor. */
export function literalNumbers(literal: Literal): NumericData | undefined {
  return literal.value.kind === 'numbers' ? literal.value.data : undefined
}

/** The result of `const` operations of a function by value, blocks included. */
export function constantsOf(func: Func): Map<Value, Literal> {
  const constants = new Map<Value, Literal>()
  const pending = [...func.operations]
  while (pending.length > 0) {
    const operation = pending.pop()!
    for (const block of operation.blocks) pending.push(...block.operations)
    const val = operation.op === 'const' ? (operation.operands.val ?? attribute(operation.attributes.val)) : undefined
    if (val?.kind === 'literal') constants.set(operation.results[0], val.literal)
  }
  return constants
}

function attribute(literal: Literal | undefined): Operand | undefined {
  return literal && { kind: 'literal', literal }
}

/**
 * Finds a function of a program.
 *
 * @throws {RangeError} if the program has none of that name
 */
export function functionOf(program: Program, name = 'main'): Func {
  const found = program.functions.find((func) => func.name === name)
  if (!found) {
    const names = program.functions.map((func) => func.name).join(', ')
    throw new RangeError(`Expected a function of the program for function, got ${name}. It has: ${names || 'none'}.`)
  }
  return found
}

/** Numbers of a constant operand, undefined if it is absent, computed or in a file. */
export function constantNumbers(
  operand: Operand | undefined,
  constants: ReadonlyMap<Value, Literal>,
): readonly number[] | undefined {
  if (!operand || operand.kind === 'list') return undefined
  const literal = operand.kind === 'literal' ? operand.literal : constants.get(operand.value)
  const data = literal && literalNumbers(literal)
  return data && Array.from(data as ArrayLike<number | bigint>, Number)
}
