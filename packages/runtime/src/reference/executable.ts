/** Programs of the reference device: the interpreter of `@ane/mil`, run on the JavaScript thread. */
import { evaluate, FormatError, functionOf, type NumericData, type Program, parse, type Tensor } from '@ane/mil'
import { AneError } from '../ane-error.js'
import { checkDistinct, orderSurfaces } from '../bindings.js'
import type { Bindings, CompileOptions, Executable, IoDescription, MathMode } from '../device.js'
import { elementsOf } from '../elements.js'
import { elementCount } from '../shapes.js'
import { checkFunction, countFlops, describeIo, hasUnknownShape, inputShape, type MilFunction } from './program.js'
import { ownReferenceSurface, type ReferenceSurface } from './surface.js'

/** A parsed and verified program; every run interprets it anew. */
export class ReferenceExecutable implements Executable {
  readonly name: string
  readonly inputs: readonly IoDescription[]
  readonly outputs: readonly IoDescription[]
  readonly flops: number
  readonly owner: object
  readonly #program: Program
  readonly #function: MilFunction
  readonly #options: CompileOptions
  readonly #math: MathMode
  #disposed = false

  /** @throws {AneError} code `ANE_COMPILE_FAILED` */
  constructor(owner: object, text: string, options: CompileOptions, math: MathMode) {
    this.owner = owner
    this.#math = math
    this.#options = options
    try {
      this.#program = parse(text)
      this.#function = functionOf(this.#program, options.function ?? 'main')
      checkFunction(this.#program, this.#function, options)
      this.name = options.name ?? this.#function.name
      for (const name of Object.keys(options.inputShapes ?? {})) this.#expectInput(name)
      this.inputs = this.#function.inputs.map((value) => describeIo(value, inputShape(value, options.inputShapes)))
      this.outputs = this.#describeOutputs()
    } catch (cause) {
      throw compileError(cause)
    }
    this.flops = countFlops(this.#function)
  }

  get disposed(): boolean {
    return this.#disposed
  }

  async run(inputs: Bindings, outputs: Bindings): Promise<number> {
    const bound = this.bind(inputs, outputs)
    await new Promise(setImmediate)
    return this.runBound(...bound)
  }

  runSync(inputs: Bindings, outputs: Bindings): number {
    return this.runBound(...this.bind(inputs, outputs))
  }

  dispose(): void {
    this.#disposed = true
  }

  /** Surfaces in the declared order. @throws {TypeError|RangeError} if they do not fit */
  bind(inputs: Bindings, outputs: Bindings): [ReferenceSurface[], ReferenceSurface[]] {
    this.expectLive()
    const own = (surface: Parameters<typeof ownReferenceSurface>[1], name: string) =>
      ownReferenceSurface(this.owner, surface, name)
    const ordered = orderSurfaces('input', this.inputs, inputs, own)
    const written = orderSurfaces('output', this.outputs, outputs, own)
    checkDistinct(this, ordered, written)
    return [ordered, written]
  }

  /** Runs over surfaces `bind` returned and resolves to milliseconds. @throws {AneError} code `ANE_EVAL_FAILED` */
  runBound(inputs: readonly ReferenceSurface[], outputs: readonly ReferenceSurface[]): number {
    this.expectLive()
    const start = performance.now()
    const results = this.#evaluate(new Map(this.inputs.map((io, i) => [io.name, tensorOf(io, inputs[i])])))
    for (const [i, io] of this.outputs.entries()) {
      outputs[i].write(numbersOf(results[io.name].data))
    }
    return performance.now() - start
  }

  /** @throws {TypeError} if the executable is disposed */
  expectLive(): void {
    if (this.#disposed) throw new TypeError(`Expected a live executable, got ${this.name}, which is disposed.`)
  }

  #evaluate(inputs: Map<string, Tensor>): Record<string, Tensor> {
    try {
      return evaluate(this.#program, inputs, {
        function: this.#function.name,
        blobs: this.#options.blobs,
        lenientBlobs: this.#options.lenientBlobs,
        round: this.#math === 'exact',
      })
    } catch (cause) {
      throw new AneError('ANE_EVAL_FAILED', `${this.name}: ${messageOf(cause)}`, { cause })
    }
  }

  /** Unknown output dimensions are learnt from a run on zeros. */
  #describeOutputs(): readonly IoDescription[] {
    const { outputs } = this.#function
    if (!outputs.some(hasUnknownShape)) return outputs.map((value) => describeIo(value))
    const zeros = this.inputs.map((io): [string, Tensor] => [io.name, tensorOf(io)])
    const results = this.#evaluate(new Map(zeros))
    return outputs.map((value) => describeIo(value, results[value.name].shape))
  }

  #expectInput(name: string): void {
    if (this.#function.inputs.some((value) => value.name === name)) return
    throw new AneError('ANE_COMPILE_FAILED', `Expected the name of an input for inputShapes, got ${name}.`)
  }
}

/** The tensor in a surface, or zeros; fp16 elements as equal fp32 numbers. */
function tensorOf({ dtype, shape }: IoDescription, surface?: ReferenceSurface): Tensor {
  if (dtype === 'fp16' || dtype === 'fp32') {
    return { dtype, shape: [...shape], data: surface?.toFloat32() ?? new Float32Array(elementCount(shape)) }
  }
  const bytes = surface?.bytes ?? new Uint8Array(elementCount(shape) * 4)
  return { dtype, shape: [...shape], data: elementsOf(bytes, dtype).slice(0, elementCount(shape)) }
}

function numbersOf(data: NumericData): ArrayLike<number> {
  return data instanceof BigInt64Array || data instanceof BigUint64Array ? Array.from(data, Number) : data
}

function compileError(cause: unknown): AneError {
  if (cause instanceof AneError) return cause
  const { line, column } = cause instanceof FormatError ? cause : {}
  return new AneError('ANE_COMPILE_FAILED', messageOf(cause), { cause, line, column })
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
