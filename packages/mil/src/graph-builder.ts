/** The operations of one function while they are written: names, constants and shapes. */

import { writeBlob } from './blob-writer.js'
import { constantKey, constantName, isValue, operandOf } from './builder-operands.js'
import { belongsInFile, WEIGHT_OFFSET, weightPath } from './constant-files.js'
import type { BlobReference, Dim, Dtype, Function as Func, Literal, Operand, Operation, Program, Value } from './ir.js'
import { literalNumbers, numericLiteral, stringLiteral, tensorType } from './literals.js'
import { NameScope } from './name-scope.js'
import { inferTypes } from './ops/call.js'
import { OpError, type OperandInput, type OpRow } from './ops/row.js'
import { opRow } from './ops/table.js'
import { elementCount } from './tensor.js'

/** How a program is spelled. */
export interface BuildOptions {
  /** `1.3` unless given. */
  version?: string
  /** `ios18` unless given. */
  opset?: string
  /** Name of the function, `main` unless given. */
  name?: string
  /** Keeps every constant in the text, however large. */
  inline?: boolean
}

/** A name, or the options that hold it. */
export type NameOption = string | { name?: string }

/** Where a constant's elements are kept. */
export interface ConstantOptions {
  name?: string
  /** Keeps a large constant in the text. */
  inline?: boolean
  /** File as the program names it, `@model_path/weights/<name>.bin` unless given. */
  path?: string
}

/** Collects the operations of one function. */
export class GraphBuilder {
  /** The function being written. */
  readonly function: Func
  /** Weight files made so far, by the path the program names. */
  readonly blobs = new Map<string, Uint8Array>()
  /** Values the derivative treats as constants. */
  readonly detached = new Set<Value>()
  readonly #names = new NameScope()
  readonly #constants = new Map<Value, Literal>()
  readonly #shared = new Map<string, Value>()
  readonly #inline: boolean

  constructor(options: BuildOptions = {}) {
    const { opset = 'ios18', name = 'main', inline = false } = options
    this.function = { name, opset, inputs: [], attributes: {}, operations: [], outputs: [] }
    this.#inline = inline
  }

  /** Adds a function input. @throws {RangeError} if the name is taken or illegal */
  input(name: string, dtype: Dtype, shape: readonly Dim[]): Value {
    const value: Value = { name: this.#names.claim(name), type: tensorType(dtype, shape) }
    this.function.inputs.push(value)
    return value
  }

  /**
   * Makes a value an output, under `name` when given.
   *
   * An input, a constant or a value that is an output already gets an `identity` in front, since outputs are results.
   *
   * @throws {RangeError} if the name is taken or illegal
   */
  output(value: Value, name?: string): Value {
    const { inputs, outputs } = this.function
    const copied = inputs.includes(value) || outputs.includes(value) || this.#constants.has(value)
    const result = copied ? this.op('identity', { x: value }, name) : value
    if (name !== undefined && result.name !== name) this.#rename(result, name)
    outputs.push(result)
    return result
  }

  /**
   * Appends an operation with one result.
   *
   * @throws {OpError} if the operands do not fit, or the operation has several results
   */
  op(op: string, operands: Record<string, OperandInput>, options?: NameOption): Value {
    const results = this.ops(op, operands, options)
    if (results.length !== 1) throw new OpError(`Expected one result for ${op}, got ${results.length}. Use b.ops.`)
    return results[0]
  }

  /**
   * Appends an operation and returns all its results.
   *
   * @throws {OpError} if the operation is unknown or the operands do not fit; the message starts with its name
   */
  ops(op: string, operands: Record<string, OperandInput>, options?: NameOption): Value[] {
    const row = opRow(op)
    if (!row) throw new OpError(`Expected an operation of the table for op, got ${op}.`)
    const name = typeof options === 'string' ? options : options?.name
    const bound = this.#bind(row, operands)
    const types = inContext(op, name, () => inferTypes(row, bound, (value) => this.#constants.get(value)))
    const stem = name ?? op
    const results = types.map((type, i): Value => {
      const wanted = types.length > 1 ? `${stem}_${i}` : stem
      return { name: this.#names.unique(wanted), type }
    })
    this.function.operations.push(operationOf(op, bound, results, stem))
    return results
  }

  /**
   * Makes a constant, or reuses the one with the same type and elements.
   *
   * fp16, fp32, int8 and uint8 constants of ten or more elements are kept in a weight file of their own;
   * `{ blob: path }` refers to the record at byte 64 of a file the caller provides.
   *
   * @throws {RangeError} if `data` does not fill `shape` or does not fit `dtype`, or another constant has the file
   */
  constant(
    dtype: Dtype,
    shape: readonly number[],
    data: ArrayLike<number | bigint> | { blob: string },
    options: string | ConstantOptions = {},
  ): Value {
    const { name, inline = this.#inline, path } = typeof options === 'string' ? { name: options } : options
    if ('blob' in data) return this.#fileConstant(dtype, shape, data.blob, name)
    const literal = numericLiteral(dtype, shape, data, name)
    const large = belongsInFile(dtype, elementCount(shape))
    if (!inline && (path !== undefined || large)) {
      const stem = this.#names.preview(name ?? 'weight')
      const file = path ?? weightPath(stem)
      if (this.blobs.has(file)) throw new RangeError(`Expected a file for one constant, got ${file} again.`)
      const value = this.#fileConstant(dtype, shape, file, stem)
      this.blobs.set(file, writeBlob(dtype, literalNumbers(literal)!))
      return value
    }
    return this.#literal(literal, name)
  }

  /** Marks a value as constant for the derivative (stop-gradient) and returns it. */
  detach(value: Value): Value {
    this.detached.add(value)
    return value
  }

  /** Adds an input under a reserved name. */
  reservedInput(name: string, dtype: Dtype, shape: readonly Dim[]): Value {
    const value: Value = { name, type: tensorType(dtype, shape) }
    this.function.inputs.push(value)
    return value
  }

  /** Returns a name nothing has yet: `stem` itself, or with a number. */
  freeName(stem: string): string {
    return this.#names.preview(stem)
  }

  /** Takes a name nothing has yet: `stem` itself, or with a number. */
  takeName(stem: string): string {
    return this.#names.unique(stem)
  }

  /** Takes names so that no value made later gets one of them. */
  reserve(names: Iterable<string>): void {
    for (const name of names) this.#names.unique(name)
  }

  /** Appends a finished operation whose result names are reserved; a `const` becomes known to shape rules. */
  append(operation: Operation): void {
    const { op, operands, results } = operation
    if (op === 'const' && operands.val?.kind === 'literal') this.#constants.set(results[0], operands.val.literal)
    this.function.operations.push(operation)
  }

  /** Turns a reserved value into a constant in a weight file named after it. */
  constantAs(value: Value, data: ArrayLike<number>, type: { dtype: Dtype; shape: readonly number[] }): void {
    const path = weightPath(value.name)
    const elements = literalNumbers(numericLiteral(type.dtype, type.shape, data, value.name))!
    const literal: Literal = { type: value.type, value: { kind: 'blob', path, offset: WEIGHT_OFFSET } }
    this.blobs.set(path, writeBlob(type.dtype, elements))
    this.append(operationOf('const', { val: { kind: 'literal', literal } }, [value]))
  }

  /** Elements of the constants made so far, by value. */
  get constants(): ReadonlyMap<Value, Literal> {
    return this.#constants
  }

  /** Makes a constant of a literal, or reuses the equal one. */
  literal(literal: Literal, name?: string): Value {
    return this.#literal(literal, name)
  }

  /** Wraps the function in a program. */
  program(version = '1.3'): Program {
    return { version, attributes: {}, functions: [this.function] }
  }

  #bind(row: OpRow, operands: Record<string, OperandInput>): Record<string, Operand> {
    const bound: Record<string, Operand> = {}
    for (const [name, input] of Object.entries(operands)) {
      if (input === undefined) continue
      const literal = (value: Literal, hint: string) => ({ kind: 'value', value: this.#literal(value, hint) }) as const
      bound[name] = isValue(input)
        ? { kind: 'value', value: input }
        : inContext(row.op, name, () => operandOf(row, name, input, operands, literal))
    }
    return bound
  }

  #literal(literal: Literal, name?: string): Value {
    const key = constantKey(literal)
    const known = this.#shared.get(key)
    if (known) return known
    const value = this.#const(literal, name ?? constantName(literal))
    this.#shared.set(key, value)
    return value
  }

  #fileConstant(dtype: Dtype, shape: readonly number[], path: string, name?: string): Value {
    const reference: BlobReference = { kind: 'blob', path, offset: WEIGHT_OFFSET }
    return this.#const({ type: tensorType(dtype, shape), value: reference }, name ?? 'weight')
  }

  #const(literal: Literal, name: string): Value {
    const value: Value = { name: this.#names.unique(name), type: literal.type }
    this.#constants.set(value, literal)
    this.function.operations.push(operationOf('const', { val: { kind: 'literal', literal } }, [value]))
    return value
  }

  #rename(value: Value, name: string): void {
    this.#names.release(value.name)
    value.name = this.#names.claim(name)
    const producer = this.function.operations.find((operation) => operation.results.includes(value))
    if (producer?.results.length === 1) producer.attributes.name = stringLiteral(name)
  }
}

function operationOf(
  op: string,
  operands: Record<string, Operand>,
  results: Value[],
  name = results[0].name,
): Operation {
  return { op, operands, attributes: { name: stringLiteral(name) }, results, blocks: [] }
}

function inContext<T>(op: string, name: string | undefined, action: () => T): T {
  try {
    return action()
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause
    throw new OpError(`${op}${name ? ` ${name}` : ''}: ${cause.message}`, { cause })
  }
}
