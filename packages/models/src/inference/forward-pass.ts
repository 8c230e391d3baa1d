import { type Device, type Schedule, type Surface, transposed, type View, view } from '@ane/runtime'
import {
  bindProgram,
  type CompiledProgram,
  checkBinding,
  compileBound,
  defaultBinding,
  partOf,
  type StagingTarget,
  type SurfacePool,
  type WeightBinding,
} from '../binding.js'
import { checkSeqLen, type ModelConfig, modelConfig } from '../config.js'
import { createStream, onNeuralEngine } from '../device-programs.js'
import type { ModelDtype } from '../graph.js'
import type { LayersPerProgram } from '../host-ops.js'
import { OwnedDevice } from '../owned-device.js'
import { cutSegments, type Segment, segmentProgram } from '../segments.js'
import { checkTokens } from '../tokens.js'
import { checkWeights, weightShapes } from '../weights.js'

/** What a forward pass is made for. */
export interface ForwardPassOptions {
  /** Not to be changed while the pass exists: some of them are copied, when a sequence length is first met. */
  readonly weights: ReadonlyMap<string, Float32Array>
  /** @default 'fp16' */
  readonly dtype?: ModelDtype
  /** @default 'packed' on a Neural Engine, else 'inputs' */
  readonly binding?: WeightBinding
  /** @default 1 on a Neural Engine, which limits the width of a surface, else 'all' */
  readonly layersPerProgram?: LayersPerProgram
}

/** Programs for sequences up to one length. */
interface Bucket {
  readonly tokens: Int32Array
  readonly schedule: Schedule
  /** Output of the last segment, `[C, length]`. */
  readonly output: View
  dispose(): void
}

const SMALLEST_BUCKET = 16
/** Narrower surfaces are read wrongly by the Neural Engines of M3 and M5. */
const SMALLEST_NEURAL_ENGINE_BUCKET = 32

/**
 * A model's forward pass over one sequence, recomputed in full at every call.
 *
 * Programs are compiled for sequence lengths 16 (not on a Neural Engine), 32, 64, … as they are needed; shorter sequences
 * are padded at the end, which causal attention does not see.
 */
export class ForwardPass {
  readonly #device: OwnedDevice
  readonly #dtype: ModelDtype
  readonly #binding: WeightBinding
  readonly #segments: readonly Segment[]
  readonly #buckets = new Map<number, Bucket>()
  /** Weight surfaces of each segment, shared by all buckets. */
  readonly #weights: SurfacePool[]
  readonly #staged = new Set<string>()
  readonly #tables = new Map<string, View>()
  /** The end of the call under way: calls share tokens and surfaces, so one follows the other. */
  #turn: Promise<unknown> = Promise.resolve()

  /** @throws {RangeError} if the configuration is impossible or the weights do not fit it */
  constructor(
    device: Device,
    readonly config: ModelConfig,
    private readonly options: ForwardPassOptions,
  ) {
    modelConfig(config)
    checkWeights(config, options.weights)
    this.#device = new OwnedDevice(device)
    this.#dtype = options.dtype ?? 'fp16'
    this.#binding = options.binding ?? defaultBinding(device)
    checkBinding(this.#binding, this.#dtype)
    this.#segments = cutSegments(config, options.layersPerProgram ?? (onNeuralEngine(device) ? 1 : 'all'))
    this.#weights = this.#segments.map(() => new Map())
  }

  /**
   * Logits after the last token, `[vocab_size]` fp32.
   *
   * @throws {RangeError} if there is no token, too many, or one outside the vocabulary
   */
  async lastLogits(tokens: ArrayLike<number>): Promise<Float32Array> {
    const last = tokens.length - 1
    return this.#inTurn(tokens, ({ output }) => this.#logits(partOf(output, 0, last, { rows: output.rows, cols: 1 })))
  }

  /** Logits after every token, `[tokens, vocab_size]` fp32. @throws {RangeError} as `lastLogits` */
  async logits(tokens: ArrayLike<number>): Promise<Float32Array> {
    const cols = tokens.length
    return this.#inTurn(tokens, ({ output }) => this.#logits(partOf(output, 0, 0, { rows: output.rows, cols })))
  }

  #inTurn<Result>(tokens: ArrayLike<number>, read: (bucket: Bucket) => Promise<Result>): Promise<Result> {
    const given = Array.from(tokens)
    const result = this.#turn.then(async () => read(await this.#run(given)))
    this.#turn = result.catch(() => {})
    return result
  }

  async #run(tokens: readonly number[]): Promise<Bucket> {
    checkSeqLen(this.config, tokens.length)
    checkTokens(tokens, this.config.vocab_size)
    let length = onNeuralEngine(this.#device) ? SMALLEST_NEURAL_ENGINE_BUCKET : SMALLEST_BUCKET
    while (length < tokens.length) length *= 2
    length = Math.min(length, this.config.max_position_embeddings)
    const bucket = this.#buckets.get(length) ?? (await this.#compile(length))
    this.#buckets.set(length, bucket)
    bucket.tokens.fill(0)
    bucket.tokens.set(tokens)
    await bucket.schedule.execute()
    return bucket
  }

  async #compile(length: number): Promise<Bucket> {
    const { config } = this
    const tokens = new Int32Array(length)
    const schedule = this.#device.createSchedule()
    let stream = createStream(this.#device, { rows: config.hidden_size, cols: length }, this.#dtype, 'embedding')
    const table = await this.#table('model.embed_tokens.weight')
    const operands = { tokens: view(tokens, { rows: 1, cols: length }), table, out: stream }
    schedule.kernel('embedding', operands, { label: 'embedding', group: 'host' })
    const programs = new Map<string, CompiledProgram>()
    const dispose = () => {
      for (const { executable } of programs.values()) executable.dispose()
    }
    try {
      for (const [i, segment] of this.#segments.entries()) {
        const compiled = await this.#program(segment, length, programs)
        const bound = bindProgram(this.#device, compiled, this.#weights[i], new Map())
        for (const { parameter, name } of segment.weights)
          await this.#stageOnce(name, bound.staging.get(parameter) ?? [])
        bound.record(schedule, { x: stream }, { label: segment.label, group: 'device_forward' })
        stream = bound.outputs.get('y')!
      }
    } catch (error) {
      dispose()
      throw error
    }
    return { tokens, schedule, output: stream, dispose }
  }

  /** A segment's program, compiled unless a segment of equal structure had it compiled. */
  async #program(segment: Segment, length: number, known: Map<string, CompiledProgram>): Promise<CompiledProgram> {
    const key = this.#binding === 'baked' ? segment.label : segment.structure
    const earlier = known.get(key)
    if (earlier !== undefined) return earlier
    const graph = { batchSize: 1, seqLen: length, dtype: this.#dtype }
    const { program, blobs } = segmentProgram(this.config, segment, graph)
    const weights = segment.weights.map(({ parameter }) => parameter)
    const values = Object.fromEntries(
      segment.weights.map(({ parameter, name }) => [parameter, this.options.weights.get(name)!]),
    )
    const source = { name: `${segment.structure} ${length}`, program, blobs, weights }
    const compiled = await compileBound(this.#device, source, this.#binding, this.#dtype, values)
    known.set(key, compiled)
    return compiled
  }

  #master(name: string): View {
    const shape = weightShapes(this.config).get(name)!
    const [rows, cols] = shape.length === 1 ? [1, shape[0]] : shape
    return view(this.options.weights.get(name)!, { rows, cols })
  }

  /** Fills the staged copies of a weight; those in surfaces all lengths share only the first time. */
  async #stageOnce(name: string, targets: readonly StagingTarget[]): Promise<void> {
    if (targets.length === 0 || (this.#binding === 'inputs' && this.#staged.has(name))) return
    await this.#stage(name, targets)
    this.#staged.add(name)
  }

  async #stage(name: string, targets: readonly StagingTarget[]): Promise<void> {
    const schedule = this.#device.createSchedule()
    const master = this.#master(name)
    for (const { row, column, view: out } of targets) {
      schedule.kernel('copy', { in: partOf(master, row, column, out), out }, { label: name, group: 'staging' })
    }
    await schedule.execute()
  }

  /** A table as the host kernels read it: the weight itself in fp32, a copy rounded to fp16 otherwise. */
  async #table(name: string): Promise<View> {
    const master = this.#master(name)
    if (this.#dtype === 'fp32') return master
    let table = this.#tables.get(name)
    if (table === undefined) {
      const surface: Surface = this.#device.createSurface([1, master.rows, 1, master.cols], this.#dtype, name)
      table = view(surface, { rows: master.rows, cols: master.cols })
      await this.#stage(name, [{ row: 0, column: 0, view: table }])
      this.#tables.set(name, table)
    }
    return table
  }

  /** Final norm and classifier over columns of the last segment's output. */
  async #logits(columns: View): Promise<Float32Array> {
    const { config } = this
    const head = await this.#table(config.tie_word_embeddings ? 'model.embed_tokens.weight' : 'lm_head.weight')
    const { rows: C, cols: S } = columns
    const normed = view(new Float32Array(C * S), { rows: C, cols: S })
    const logits = new Float32Array(S * config.vocab_size)
    const rrms = view(new Float32Array(S), { rows: 1, cols: S })
    const weight = this.#master('model.norm.weight')
    const schedule = this.#device.createSchedule()
    const norm = { in: columns, weight, out: normed, rrms, eps: config.rms_norm_eps }
    schedule.kernel('rmsnorm', norm, { label: 'final norm', group: 'host' })
    const out = view(logits, { rows: S, cols: config.vocab_size })
    const gemm = { a: transposed(normed), b: transposed(head), out, accumulate: 0 }
    schedule.kernel('gemm', gemm, { label: 'logits', group: 'host' })
    await schedule.execute()
    return logits
  }

  /** Frees programs and surfaces; the weights are the caller's. */
  dispose(): void {
    for (const bucket of this.#buckets.values()) bucket.dispose()
    this.#buckets.clear()
    this.#device.dispose()
  }
}
