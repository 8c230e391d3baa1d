import { type Device, type Schedule, type View, view } from '@ane/runtime'
import { defaultBinding, type WeightBinding } from '../binding.js'
import { type ModelConfig, modelConfig } from '../config.js'
import type { ModelDtype } from '../graph.js'
import { checkHostOps } from '../host-ops.js'
import { OwnedDevice } from '../owned-device.js'
import { cutSegments } from '../segments.js'
import { checkTargets, checkTokens, compactIndex } from '../tokens.js'
import type { Weights } from '../weights.js'
import { Classifier } from './classifier.js'
import { type AdamwHyperparameters, Parameters } from './parameters.js'
import { type BoundSegment, SegmentPrograms } from './segment-programs.js'
import { recordBackward, recordForward } from './segment-schedule.js'
import { checkStepOptions, type StepResult, type StepTimes, type TrainStepOptions } from './step-options.js'

/**
 * One model's training step on one device: programs compiled, buffers allocated and schedules recorded before the first step.
 *
 * Calls must not overlap. Fill `tokens` and `targets` (row-major `[batchSize, seqLen]`), then call.
 */
export class TrainStep {
  /** Input token ids. */
  readonly tokens: Int32Array
  /** Token ids to predict; negative ones are ignored. */
  readonly targets: Int32Array
  readonly parameters: Weights
  /** Sums of the scaled gradients since the last update or `zeroGradients`. */
  readonly gradients: Weights
  readonly firstMoments: Weights
  readonly secondMoments: Weights
  readonly #norm = new Float64Array(1)
  readonly #compact: ((target: number) => number) | undefined
  #segments: BoundSegment[] = []
  /** Whether baked programs hold weights of an earlier step. */
  #stale = false
  #schedules!: { evaluate: Schedule; train: Schedule; stage: Schedule; update: Schedule; norm: Schedule }

  private constructor(
    private readonly device: OwnedDevice,
    private readonly programs: SegmentPrograms,
    readonly config: ModelConfig,
    readonly options: TrainStepOptions & { dtype: ModelDtype; binding: WeightBinding },
    private readonly store: Parameters,
    private readonly classifier: Classifier,
    private readonly input: View,
    private readonly outputGradient: View,
  ) {
    this.tokens = classifier.tokens
    this.targets = new Int32Array(classifier.targets.length).fill(-1)
    this.parameters = store.values
    this.gradients = store.gradients
    this.firstMoments = store.firstMoments
    this.secondMoments = store.secondMoments
    this.#compact = compactIndex(options.compactVocabulary, config.vocab_size)
  }

  /**
   * Compiles the programs, allocates everything and stages the weights.
   *
   * @throws {RangeError} if the configuration is impossible or sizes or weights do not fit it
   * @throws {AneError} if the device refuses a program
   */
  static async create(device: Device, config: ModelConfig, options: TrainStepOptions): Promise<TrainStep> {
    const { batchSize, seqLen, dtype = 'fp16', binding = defaultBinding(device) } = options
    modelConfig(config)
    checkStepOptions(config, options)
    const columns = batchSize * seqLen
    const parameters = new Parameters(config, options.weights)
    const { compactVocabulary, hostOps = [], layersPerProgram = hostOps.length > 0 ? 'half' : 1 } = options
    const segments = cutSegments(config, layersPerProgram, checkHostOps(config, layersPerProgram, hostOps))
    const owned = new OwnedDevice(device)
    const programs = new SegmentPrograms(owned, config, segments, { batchSize, seqLen, dtype }, binding)
    try {
      const classifier = new Classifier(owned, { config, dtype, columns, parameters, compactVocabulary })
      const stream = (name: string) => {
        const surface = owned.createSurface([1, config.hidden_size, 1, columns], dtype, name)
        return view(surface, { rows: config.hidden_size, cols: columns })
      }
      const fixed = { ...options, dtype, binding }
      const step = new TrainStep(
        owned,
        programs,
        config,
        fixed,
        parameters,
        classifier,
        stream('embedding'),
        stream('d_output'),
      )
      await step.#build()
      await step.#schedules.stage.execute()
      return step
    } catch (error) {
      programs.dispose()
      owned.dispose()
      throw error
    }
  }

  async #build(): Promise<void> {
    this.#segments = await this.programs.bind(this.parameters)
    for (const { segment, forward, backward } of this.#segments) {
      for (const { parameter, name } of segment.weights) {
        this.store.addStaging(name, forward.staging.get(parameter) ?? [])
        this.store.addStaging(name, backward.staging.get(parameter) ?? [])
      }
    }
    this.#schedules = {
      evaluate: this.#record((schedule) => this.#recordForward(schedule, false)),
      train: this.#record((schedule) => this.#recordBackward(schedule, this.#recordForward(schedule, true))),
      stage: this.#record((schedule) => this.store.recordStaging(schedule)),
      update: this.#record((schedule) => this.store.recordUpdate(schedule)),
      norm: this.#record((schedule) => this.store.recordGradientNorm(schedule, this.#norm)),
    }
  }

  #record(write: (schedule: Schedule) => void): Schedule {
    const schedule = this.device.createSchedule()
    write(schedule)
    return schedule
  }

  /** Returns the input of every segment and, last, the output of the last. */
  #recordForward(schedule: Schedule, backward: boolean): View[] {
    this.classifier.recordEmbedding(schedule, this.input)
    const streams = [this.input]
    for (const segment of this.#segments) streams.push(recordForward(schedule, segment, this.store, streams.at(-1)!))
    this.classifier.recordLogits(schedule, streams.at(-1)!)
    this.classifier.recordLoss(schedule, backward)
    return streams
  }

  #recordBackward(schedule: Schedule, streams: readonly View[]): void {
    let gradient = this.outputGradient
    this.classifier.recordBackward(schedule, streams.at(-1)!, gradient)
    for (let i = this.#segments.length - 1; i >= 0; i--) {
      gradient = recordBackward(schedule, this.#segments[i], this.store, streams[i], gradient)
    }
    this.classifier.recordEmbeddingBackward(schedule, gradient)
  }

  #fill(): void {
    checkTokens(this.tokens, this.config.vocab_size)
    checkTargets(this.targets, this.config.vocab_size)
    const { targets } = this.classifier
    if (this.#compact === undefined) targets.set(this.targets)
    else for (let i = 0; i < targets.length; i++) targets[i] = this.#compact(this.targets[i])
  }

  /**
   * Runs the model forward and backward and adds d loss / d weight · `lossScale` to `gradients`.
   *
   * @throws {RangeError} if a token or target is outside the vocabulary, no target counts, or `lossScale` is not positive
   */
  async forwardBackward(lossScale = 1): Promise<StepResult> {
    if (!(lossScale > 0 && Number.isFinite(lossScale))) {
      throw new RangeError(`Expected a positive number for loss_scale, got ${lossScale}.`)
    }
    this.#fill()
    this.classifier.scale[0] = lossScale
    return this.#run('train')
  }

  /** Runs the model forward; gradients stay. @throws {RangeError} as `forwardBackward` */
  async evaluate(): Promise<StepResult> {
    this.#fill()
    return this.#run('evaluate')
  }

  async #run(name: 'train' | 'evaluate'): Promise<StepResult> {
    if (this.#stale) await this.refreshWeights()
    const schedule = this.#schedules[name]
    const { total, entries } = await schedule.execute()
    const times = { device_forward: 0, device_backward: 0, host: 0, staging: 0, total }
    for (const [i, { group }] of schedule.entries.entries()) times[group as keyof StepTimes] += entries[i]
    const [sum, count] = this.classifier.loss
    return { loss: sum / count, count, times }
  }

  /** Logits of the current tokens, `[batchSize · seqLen, vocabulary]` fp32, a copy; runs the model forward. */
  async logits(): Promise<Float32Array> {
    checkTokens(this.tokens, this.config.vocab_size)
    this.classifier.targets.fill(-1)
    await this.#run('evaluate')
    return this.classifier.logits.slice()
  }

  /** Forgets the gradients of this step, e.g. after a skipped update. */
  zeroGradients(): void {
    for (const gradient of this.gradients.values()) gradient.fill(0)
  }

  /** L2 norm of all gradients together, accumulated in fp64; still loss-scaled, NaN or infinite if any gradient is. */
  async gradNorm(): Promise<number> {
    await this.#schedules.norm.execute()
    return this.#norm[0]
  }

  /** Updates every weight by AdamW, refreshes what the device reads and zeroes the gradients; returns milliseconds. */
  async adamw(hyper: AdamwHyperparameters): Promise<number> {
    this.store.setHyperparameters(hyper)
    const { total } = await this.#schedules.update.execute()
    const started = performance.now()
    await this.refreshWeights()
    return total + performance.now() - started
  }

  /** Copies the weights to where the device reads them; call after changing `parameters` from outside. */
  async stage(): Promise<void> {
    await this.#schedules.stage.execute()
    await this.refreshWeights()
  }

  /**
   * With baked weights, compiles the programs anew from the current weights; otherwise nothing.
   *
   * @throws {AneError} if the device refuses a program; the next forward pass then tries again
   */
  async refreshWeights(): Promise<void> {
    if (this.options.binding !== 'baked') return
    this.#stale = true
    await this.#build()
    this.#stale = false
  }

  /** What one forward and backward pass runs, in order. */
  get entries(): Schedule['entries'] {
    return this.#schedules.train.entries
  }

  /** Frees programs and surfaces; the weights, gradients and moments stay readable. */
  dispose(): void {
    this.programs.dispose()
    this.device.dispose()
  }
}

/**
 * Makes the training step of a model.
 *
 * @throws {RangeError} if the configuration is impossible or sizes or weights do not fit it
 * @throws {AneError} if the device refuses a program
 */
export const createTrainStep = (device: Device, config: ModelConfig, options: TrainStepOptions): Promise<TrainStep> =>
  TrainStep.create(device, config, options)
