/** The interpreter: what a MIL program means, one operation after the other. Slow and obvious; engines are tested against it. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { relativeBlobPath } from './blob-paths.js'
import { readBlob } from './blob-reader.js'
import { roundToFp16 } from './fp16.js'
import type { BlobFiles, Function as Func, Literal, Operand, Operation, Program, TensorType, Value } from './ir.js'
import { functionOf } from './literals.js'
import { checkOperands } from './ops/call.js'
import { OpError } from './ops/row.js'
import { spell } from './ops/shapes.js'
import { opRow } from './ops/table.js'
import { allocate, elementCount, isFloat, lacksElements, type Tensor, tensorOf } from './tensor.js'
import { type Datum, TensorCall } from './tensor-call.js'

/** How to run a program. */
export interface EvaluateOptions {
  /** Function to run: `main` unless given, or the only one there is. */
  function?: string
  /** Weight files by the path the program names. */
  blobs?: BlobFiles
  /** Folder `@model_path` stands for, read where `blobs` lacks a file. */
  modelPath?: string
  /** Rounds every result to its type, once per operation (default). Without it floating-point tensors are binary64. */
  round?: boolean
  /** Accepts weight records whose header contradicts the program. */
  lenientBlobs?: boolean
}

/**
 * Runs one function of a program. Unknown dimensions come from the inputs; states are updated in the tensors given.
 *
 * Sums accumulate in binary64 and every operation's result is rounded once to its declared type.
 *
 * @returns the outputs by name; fp16 elements as equal fp32 numbers
 * @throws {RangeError} if an input is missing, unknown, empty or not of its declared type and shape
 * @throws {OpError} if an operation is unknown, does not accept its operands, or gives a value without elements
 * @throws {FormatError} if a weight file is damaged
 */
export function evaluate(
  program: Program,
  inputs: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>,
  options: EvaluateOptions = {},
): Record<string, Tensor> {
  const only = program.functions.length === 1 ? program.functions[0].name : undefined
  const func = functionOf(program, options.function ?? only)
  const given = inputs instanceof Map ? inputs : new Map(Object.entries(inputs))
  const run = new Run(options)
  run.bindInputs(func, given)
  for (const operation of func.operations) run.execute(operation)
  return Object.fromEntries(func.outputs.map((value) => [value.name, run.tensor(value)]))
}

class Run {
  readonly #options: EvaluateOptions
  readonly #round: boolean
  readonly #data = new Map<Value, Datum>()
  readonly #files = new Map<string, Uint8Array>()

  constructor(options: EvaluateOptions) {
    this.#options = options
    this.#round = options.round ?? true
  }

  bindInputs(func: Func, given: ReadonlyMap<string, Tensor>): void {
    for (const name of given.keys()) {
      if (!func.inputs.some((input) => input.name === name)) {
        throw new RangeError(`Expected an input of ${func.name} for inputs, got ${name}.`)
      }
    }
    for (const input of func.inputs) {
      const tensor = given.get(input.name)
      if (!tensor) throw new RangeError(`Expected a tensor for input ${input.name}, got none.`)
      checkInput(input, tensor)
      this.#data.set(input, input.type.kind === 'state' ? tensor : inputTensor(input.name, tensor, this.#round))
    }
  }

  execute(operation: Operation): void {
    try {
      if (operation.op === 'const') {
        this.#bindConstant(operation)
        return
      }
      const row = opRow(operation.op)
      if (!row?.evaluate) throw new OpError(`Expected an operation with a reference meaning, got ${operation.op}.`)
      const call = new TensorCall(row, this.#operands(operation), this.#round)
      checkOperands(row, call, Object.keys(operation.operands))
      call.results = row.infer(call)
      const results = row.evaluate(call)
      if (results.length !== operation.results.length) {
        throw new OpError(`Expected ${results.length} results, got ${operation.results.length}.`)
      }
      for (const [i, value] of operation.results.entries()) {
        checkResult(value, results[i])
        if (lacksElements(results[i])) {
          throw new OpError(`Expected at least one element for ${value.name}, got ${textOf(results[i])}.`)
        }
        this.#data.set(value, rounded(results[i], this.#round))
      }
    } catch (cause) {
      if (!(cause instanceof OpError)) throw cause
      const line = operation.position ? ` (line ${operation.position.line})` : ''
      throw new OpError(`${operation.op} ${operation.results[0]?.name ?? ''}${line}: ${cause.message}`, { cause })
    }
  }

  tensor(value: Value): Tensor {
    const datum = this.#data.get(value)
    if (!datum || 'text' in datum)
      throw new OpError(`Expected a tensor for ${value.name}, got ${datum ? 'a string' : 'none'}.`)
    return datum
  }

  #bindConstant(operation: Operation): void {
    const [result] = operation.results
    const [datum] = this.#resolve(operation.operands.val)
    if (!('text' in datum)) checkResult(result, datum)
    this.#data.set(result, datum)
  }

  #operands(operation: Operation): Map<string, readonly Datum[]> {
    return new Map(Object.entries(operation.operands).map(([name, operand]) => [name, this.#resolve(operand)]))
  }

  #resolve(operand: Operand | undefined): Datum[] {
    if (!operand) throw new OpError('Expected a value for val, got none.')
    if (operand.kind === 'list') return operand.items.flatMap((item) => this.#resolve(item))
    if (operand.kind === 'literal') return [this.#literal(operand.literal)]
    const datum = this.#data.get(operand.value)
    if (!datum) throw new OpError(`Expected an earlier result for ${operand.value.name}, got none.`)
    return [datum]
  }

  #literal({ type, value }: Literal): Datum {
    if (value.kind === 'strings') return { text: value.data[0] }
    const tensor = tensorOf(type)
    if (!tensor || (value.kind !== 'numbers' && value.kind !== 'blob')) {
      throw new OpError(`Expected a tensor or a string for a constant, got a ${type.kind}.`)
    }
    const shape = tensor.shape.map((dim) => dim ?? 0)
    const elements = elementCount(shape)
    const data =
      value.kind === 'numbers'
        ? value.data
        : readBlob(this.#file(value.path), value.offset, {
            dtype: tensor.dtype,
            elements,
            lenient: this.#options.lenientBlobs,
            path: value.path,
          }).data
    if (data.length !== elements) throw new OpError(`Expected ${elements} elements for a constant, got ${data.length}.`)
    return rounded({ dtype: tensor.dtype, shape, data }, this.#round)
  }

  #file(path: string): Uint8Array {
    const known = this.#options.blobs?.get(path) ?? this.#files.get(path)
    if (known) return known
    if (this.#options.modelPath === undefined) throw new RangeError(`Expected the file ${path} in blobs, got none.`)
    const bytes = new Uint8Array(readFileSync(join(this.#options.modelPath, relativeBlobPath(path))))
    this.#files.set(path, bytes)
    return bytes
  }
}

/** Stores computed elements in the array class of their type, rounding binary64 to it. */
function rounded(tensor: Tensor, round: boolean): Tensor {
  const { dtype, data } = tensor
  if (!isFloat(dtype) || dtype === 'fp64') return tensor
  if (!round)
    return data instanceof Float64Array ? tensor : { ...tensor, data: Float64Array.from(data as Float32Array) }
  if (!(data instanceof Float64Array)) return tensor
  if (dtype !== 'fp16') return { ...tensor, data: Float32Array.from(data) }
  const out = new Float32Array(data.length)
  for (let i = 0; i < data.length; i++) out[i] = roundToFp16(data[i])
  return { ...tensor, data: out }
}

const textOf = ({ dtype, shape }: Tensor): string => `${dtype} ${spell(shape)}`

function checkInput(input: Value, tensor: Tensor): void {
  const declared = tensorOf(input.type)
  const what = textOf(tensor)
  if (!declared || !fits(declared, tensor)) {
    const wanted = declared ? `${declared.dtype} ${spell(declared.shape)}` : `a ${input.type.kind}`
    throw new RangeError(`Expected ${wanted} for input ${input.name}, got ${what}.`)
  }
  if (tensor.shape.includes(0))
    throw new RangeError(`Expected at least one element for input ${input.name}, got ${what}.`)
  if (tensor.data.length !== elementCount(tensor.shape)) {
    throw new RangeError(
      `Expected ${elementCount(tensor.shape)} elements for input ${input.name}, got ${tensor.data.length}.`,
    )
  }
}

/** Brings an input into the array class of its type; elements are never rounded. */
function inputTensor(name: string, tensor: Tensor, round: boolean): Tensor {
  const { dtype, data } = tensor
  const allowed = isFloat(dtype) ? [Float32Array, Float64Array] : [allocate(dtype, 0).constructor]
  if (!allowed.some((kind) => data.constructor === kind)) {
    throw new RangeError(
      `Expected a ${allowed.map((kind) => kind.name).join(' or ')} for input ${name}, got a ${data.constructor.name}.`,
    )
  }
  if (!round || !isFloat(dtype)) return rounded(tensor, round)
  const values = data as Float32Array | Float64Array
  const keep = dtype === 'fp16' ? roundToFp16 : Math.fround
  for (let i = 0; i < values.length; i++) {
    if (keep(values[i]) !== values[i] && !Number.isNaN(values[i])) {
      throw new RangeError(`Expected ${dtype} numbers for input ${name}, got ${values[i]} at element ${i}.`)
    }
  }
  return rounded(tensor, round)
}

function checkResult(value: Value, tensor: Tensor): void {
  const declared = tensorOf(value.type)
  if (declared && fits(declared, tensor)) return
  const wanted = declared ? `${declared.dtype} ${spell(declared.shape)}` : `a ${value.type.kind}`
  throw new OpError(`Expected ${wanted} for ${value.name}, got ${textOf(tensor)}.`)
}

function fits(declared: TensorType, { dtype, shape }: Tensor): boolean {
  const same = declared.shape.every((dim, axis) => dim === null || dim === shape[axis])
  return declared.dtype === dtype && declared.shape.length === shape.length && same
}
