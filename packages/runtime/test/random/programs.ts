/** Programs made at random: operations of the table on each other's results, and the patterns that engines look for. */
import {
  type Builder,
  buildProgram,
  type Dtype,
  elementCount,
  evaluate,
  isFloat,
  OpError,
  type OperandInput,
  opNames,
  type Program,
  type Tensor,
  type TensorType,
  type Value,
} from '@ane/mil'
import { type Drawn, drawOperands, type Fresh, randomTensor, sizes, withExtremes } from './operands.js'
import { type Pattern, type PatternContext, patterns } from './patterns.js'
import { type Certainty, certaintyOf, isJump } from './rounding.js'
import { Random } from './source.js'

/** Operations no random draw reaches, and where they are tested instead. */
export const drawnElsewhere: Readonly<Record<string, string>> = {
  const: 'constants are drawn as operands',
  read_state: 'states have no place in a program of the CPU engine',
  write_state: 'states have no place in a program of the CPU engine',
  tensor_buffer_to_tensor: 'tensor buffers are types of the Neural Engine',
  tensor_to_tensor_buffer: 'tensor buffers are types of the Neural Engine',
  constexpr_blockwise_shift_scale: 'numbers of 4 bits come from weight files: golden operations',
  constexpr_lut_to_dense: 'numbers of 1 to 6 bits come from weight files: golden operations',
  constexpr_sparse_to_dense: 'masks of single bits come from weight files: golden operations',
  lstm: 'eight shapes that depend on each other: golden operations',
}

/** A program with its numbers and what they must give. */
export interface RandomProgram {
  readonly program: Program
  readonly inputs: ReadonlyMap<string, Tensor>
  readonly blobs: ReadonlyMap<string, Uint8Array>
  readonly expected: Readonly<Record<string, Tensor>>
  /** How surely each output is known, by name. */
  readonly certainty: ReadonlyMap<string, Certainty>
  readonly operations: readonly string[]
}

interface Known {
  readonly tensor: Tensor
  readonly certainty: Certainty
}

const MOST_ELEMENTS = 6000
const MOST_AXES = 6
const LARGEST = 300

type Operands = Record<string, Drawn | Drawn[]>

const isFresh = (drawn: Drawn): drawn is Fresh => typeof drawn === 'object' && 'tensor' in drawn
const isValue = (drawn: Drawn): drawn is Value => typeof drawn === 'object' && 'type' in drawn

/** Writes one program; every operation is evaluated as soon as it is drawn, and one that leaves fp16's middle is dropped. */
class Writer {
  readonly inputs = new Map<string, Tensor>()
  readonly operations: string[] = []
  readonly #b: Builder
  readonly #random: Random
  readonly #known = new Map<Value, Known>()

  readonly #extremes: boolean

  constructor(b: Builder, random: Random, extremes: boolean) {
    this.#b = b
    this.#extremes = extremes
    this.#random = random
  }

  /** Results of operations so far, oldest first. */
  readonly results: Value[] = []

  input(tensor: Tensor): Value {
    const name = `x${this.inputs.size}`
    const value = this.#b.input(name, tensor.dtype, tensor.shape)
    this.inputs.set(name, tensor)
    this.#known.set(value, { tensor, certainty: 'moved' })
    return value
  }

  certainty(value: Value): Certainty {
    return this.#known.get(value)!.certainty
  }

  /** Draws an operation on earlier values. */
  draw(op: string): boolean {
    const values = [...this.#known.keys()]
    const first = this.#random.chance(0.6) ? values[values.length - 1] : this.#random.of(values)
    const typeOf = (value: Value) => this.#known.get(value)!.tensor
    const others = values.filter((value) => value !== first)
    return this.#attempt(() => {
      const drawn = drawOperands(this.#random, op, [...others, first], typeOf)
      this.add(op, this.#extremes ? mapDrawn(drawn, (one) => this.#extreme(one)) : drawn)
    })
  }

  /** Adds what a pattern writes, up to the first operation that does not fit. */
  follow(pattern: Pattern): boolean {
    const context: PatternContext = {
      random: this.#random,
      one: (op, operands) => this.add(op, operands as Operands)[0],
      input: (tensor) => this.input(tensor),
      some: () => this.#some(),
    }
    return this.#attempt(() => pattern(context))
  }

  #extreme(drawn: Drawn): Drawn {
    const fresh = isFresh(drawn) && !drawn.constant
    return fresh ? { ...drawn, tensor: withExtremes(this.#random, drawn.tensor) } : drawn
  }

  #some(): ReturnType<PatternContext['some']> {
    const fits = ([, { tensor }]: [Value, Known]) => tensor.shape.length === 4 && isFloat(tensor.dtype)
    const found = [...this.#known].filter(fits)
    if (found.length > 0 && this.#random.chance(0.8)) {
      const [value, { tensor }] = this.#random.of(found)
      return { value, ...tensor }
    }
    const shape = [1, 1, 1, 1].map(() => this.#random.of([1, 2, 3, 7, 17]))
    const tensor = randomTensor(this.#random, this.#random.of<Dtype>(['fp16', 'fp32']), shape, 8)
    return { value: this.input(tensor), ...tensor }
  }

  #attempt(action: () => void): boolean {
    try {
      action()
      return true
    } catch (cause) {
      if (cause instanceof OpError || cause instanceof RangeError) return false
      throw cause
    }
  }

  /** Adds an operation. @throws {OpError} if its operands do not fit, or its results are of no use */
  add(op: string, operands: Operands): Value[] {
    const given = Object.values(operands).flat().filter(isValue)
    const tried = this.#evaluate(op, operands)
    const types = (tensors: readonly Tensor[]) => tensors.map((tensor) => ({ kind: 'tensor', ...tensor }) as TensorType)
    const certainties = given.map((value) => this.certainty(value))
    const jump = isJump(op, types(given.map((value) => this.#known.get(value)!.tensor)), types(tried))
    if (jump && certainties.some((certainty) => certainty !== 'moved'))
      throw new OpError('Expected unrounded operands.')
    if (!this.#extremes && !tried.every(isModerate)) throw new OpError('Expected results of moderate size.')
    const realised = mapOperands(operands, (drawn) => {
      if (!isFresh(drawn)) return drawn
      const { tensor, constant } = drawn
      return constant ? this.#b.constant(tensor.dtype, tensor.shape, tensor.data as Float32Array) : this.input(tensor)
    })
    const results = this.#b.ops(op, realised)
    const certainty = certaintyOf(op, certainties)
    for (const [i, value] of results.entries()) this.#known.set(value, { tensor: tried[i], certainty })
    this.results.push(...results)
    this.operations.push(op)
    return results
  }

  #evaluate(op: string, operands: Operands): Tensor[] {
    const inputs = new Map<string, Tensor>()
    const { program, blobs } = buildProgram({}, (b) => {
      const stood = mapOperands(operands, (drawn) => {
        if (isFresh(drawn) && drawn.constant)
          return b.constant(drawn.tensor.dtype, drawn.tensor.shape, drawn.tensor.data as Float32Array)
        if (!isFresh(drawn) && !isValue(drawn)) return drawn
        const tensor = isFresh(drawn) ? drawn.tensor : this.#known.get(drawn)!.tensor
        const name = `i${inputs.size}`
        inputs.set(name, tensor)
        return b.input(name, tensor.dtype, tensor.shape)
      })
      for (const [i, value] of b.ops(op, stood).entries()) b.output(value, `o${i}`)
    })
    const types = program.functions[0].outputs.map(({ type }) => (type as TensorType).shape)
    const useful = (shape: readonly (number | null)[]) =>
      shape.length <= MOST_AXES && shape.every((dim) => dim) && elementCount(shape as number[]) <= MOST_ELEMENTS
    if (!types.every(useful)) {
      throw new RangeError('Expected a result of moderate size.')
    }
    return Object.values(evaluate(program, inputs, { blobs }))
  }
}

function mapDrawn<T>(operands: Operands, map: (drawn: Drawn) => T): Record<string, T | T[]> {
  return Object.fromEntries(
    Object.entries(operands).map(([name, drawn]) => {
      const list = Array.isArray(drawn) && drawn.some((item) => typeof item === 'object')
      return [name, list ? (drawn as Drawn[]).map(map) : map(drawn as Drawn)]
    }),
  )
}

const mapOperands = (operands: Operands, map: (drawn: Drawn) => OperandInput) =>
  mapDrawn(operands, map) as Record<string, OperandInput>

function isModerate({ dtype, data }: Tensor): boolean {
  return !isFloat(dtype) || (data as Float32Array).every((x) => Math.abs(x) < LARGEST)
}

function randomShape(random: Random): number[] {
  const rank = random.of([1, 2, 3, 4, 4, 4, 5])
  const shape = Array.from({ length: rank }, () => random.of(sizes))
  return elementCount(shape) > MOST_ELEMENTS / 2 ? shape.map((dim) => Math.min(dim, 7)) : shape
}

const drawable = opNames().filter((op) => !Object.hasOwn(drawnElsewhere, op))

/** What a random program holds. */
export interface RandomOptions {
  /** About how many operations. */
  length: number
  /** The first operation. */
  first?: string
  /** Inputs hold infinities, NaN, subnormal and the largest numbers too. */
  extremes?: boolean
}

/** The program of a seed; without the first operation asked for if it cannot be drawn. */
export function randomProgram(seed: number, options: RandomOptions): RandomProgram {
  const { length, first, extremes = false } = options
  const random = new Random(seed)
  let writer!: Writer
  const certainty = new Map<string, Certainty>()
  const { program, blobs } = buildProgram({}, (b) => {
    writer = new Writer(b, random, extremes)
    const dtype: Dtype = random.of(['fp16', 'fp16', 'fp16', 'fp32', 'int32'])
    const shape = randomShape(random)
    const start = randomTensor(random, dtype, shape, 8)
    writer.input(extremes ? withExtremes(random, start) : start)
    for (let attempt = 0; first && attempt < 200 && writer.operations.length === 0; attempt++) {
      if (attempt % 8 === 7)
        writer.input(randomTensor(random, random.of(['fp16', 'fp32', 'int32', 'int8', 'bool']), randomShape(random), 8))
      writer.draw(first)
    }
    for (let attempt = 0; attempt < 40 * length && !extremes && writer.operations.length < length; attempt++) {
      if (random.chance(0.1)) writer.follow(random.of(patterns))
      else writer.draw(random.of(drawable))
    }
    const shown = writer.results.filter((_, i) => i === writer.results.length - 1 || random.chance(0.25))
    for (const [i, value] of shown.entries()) {
      certainty.set(`y${i}`, writer.certainty(value))
      b.output(value, `y${i}`)
    }
  })
  const { inputs, operations } = writer
  const expected = evaluate(program, inputs, { blobs })
  return { program, inputs, blobs, expected, certainty, operations }
}
