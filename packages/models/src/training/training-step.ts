import type { Device, Executable, Schedule } from '@ane/runtime'
import { defaultBinding, type WeightBinding } from '../binding.js'
import { type ModelConfig, modelConfig } from '../config.js'
import { createStream } from '../device-programs.js'
import { memoryEstimate } from '../estimates.js'
import type { ModelDtype } from '../graph.js'
import { checkHostOps } from '../host-ops.js'
import { OwnedDevice } from '../owned-device.js'
import { cutSegments } from '../segments.js'
import { checkTargets, checkTokens, compactIndex } from '../tokens.js'
import type { Weights } from '../weights.js'
import { Classifier } from './classifier.js'
import { namingMemory } from './out-of-memory.js'
import { type AdamwHyperparameters, Parameters } from './parameters.js'
import { SegmentPrograms } from './segment-programs.js'
import { checkStepOptions, type StepResult, type TrainStepOptions, type UpdateTimes } from './step-options.js'
import { type Pass, StepSchedules } from './step-schedules.js'

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
  readonly firstMoments: Weights
  readonly secondMoments: Weights
  readonly #compact: ((target: number) => number) | undefined
  /** How the forward pass of the classifier's tokens with the current weights ended, if that is the last thing that ran. */
  #ahead?: 'done' | Error

  private constructor(
    private readonly device: OwnedDevice,
    private readonly programs: SegmentPrograms,
    readonly config: ModelConfig,
    readonly options: TrainStepOptions & { dtype: ModelDtype; binding: WeightBinding },
    private readonly store: Parameters,
    private readonly classifier: Classifier,
    private readonly schedules: StepSchedules,
  ) {
    this.tokens = new Int32Array(classifier.tokens.length)
    this.targets = new Int32Array(classifier.targets.length).fill(-1)
    this.parameters = store.values
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
      const shape = { rows: config.hidden_size, cols: columns }
      const stream = (name: string) => createStream(owned, shape, dtype, name)
      const [input, outputGradient] = [stream('embedding'), stream('d_output')]
      const parts = { device: owned, programs, parameters, classifier, input, outputGradient }
      const schedules = await StepSchedules.create(parts)
      const fixed = { ...options, dtype, binding }
      const step = new TrainStep(owned, programs, config, fixed, parameters, classifier, schedules)
      await schedules.stage.execute()
      return step
    } catch (error) {
      programs.dispose()
      owned.dispose()
      throw error
    }
  }

  /**
   * Sums of the scaled gradients since the last update or `zeroGradients`. Read it anew after either: arrays taken before
   * may hold older numbers.
   */
  get gradients(): Weights {
    return this.store.gradients.values
  }

  /** Token ids outside the compact vocabulary, ascending: no loss keeps them from being likely, so never sample them. */
  get untrainedTokens(): number[] {
    const { compactVocabulary } = this.options
    if (compactVocabulary === undefined) return []
    const trained = new Set(compactVocabulary)
    return Array.from({ length: this.config.vocab_size }, (_, id) => id).filter((id) => !trained.has(id))
  }

  /** Passes on what was filled in; returns how the forward pass of these tokens ended, if it has just run. */
  #fill({ targets }: { targets: boolean }): 'done' | Error | undefined {
    const { classifier, config } = this
    checkTokens(this.tokens, config.vocab_size)
    if (targets) {
      checkTargets(this.targets, config.vocab_size)
      if (this.#compact === undefined) classifier.targets.set(this.targets)
      else for (let i = 0; i < this.targets.length; i++) classifier.targets[i] = this.#compact(this.targets[i])
    }
    const ahead = this.tokens.every((token, i) => token === classifier.tokens[i]) ? this.#ahead : undefined
    this.#ahead = undefined
    classifier.tokens.set(this.tokens)
    return ahead
  }

  /**
   * Runs the model forward, unless `adamw` has just done that, and backward, and adds d loss / d weight · `lossScale` to
   * `gradients`.
   *
   * @throws {RangeError} if a token or target is outside the vocabulary, no target counts, or `lossScale` is not positive
   */
  async forwardBackward(lossScale = 1): Promise<StepResult> {
    if (!(lossScale > 0 && Number.isFinite(lossScale))) {
      throw new RangeError(`Expected a positive number for loss_scale, got ${lossScale}.`)
    }
    const ahead = this.#fill({ targets: true })
    if (ahead instanceof Error) throw ahead
    this.classifier.scale[0] = lossScale
    const { gradients } = this.store
    const first = gradients.begin()
    const backward = first ? 'first_backward' : 'backward'
    try {
      return await this.#run(ahead ? [backward] : ['forward', backward])
    } catch (error) {
      if (first) gradients.clear()
      throw error
    }
  }

  /** Runs the model forward; gradients stay. @throws {RangeError} as `forwardBackward` */
  async evaluate(): Promise<StepResult> {
    this.#fill({ targets: true })
    return this.#run(['forward', 'loss'])
  }

  async #run(passes: readonly Pass[]): Promise<StepResult> {
    const times = await this.schedules.run(passes)
    const [sum, count] = this.classifier.loss
    return { loss: sum / count, count, times }
  }

  /** Logits of the current tokens, `[batchSize · seqLen, vocabulary]` fp32, a copy; runs the model forward. */
  async logits(): Promise<Float32Array> {
    this.#fill({ targets: false })
    await this.schedules.run(['forward'])
    return this.schedules.logits()
  }

  /** Forgets the gradients of this step, e.g. after a skipped update. */
  zeroGradients(): void {
    this.store.gradients.clear()
  }

  /** L2 norm of all gradients together, accumulated in fp64; still loss-scaled, NaN or infinite if any gradient is. */
  async gradNorm(): Promise<number> {
    if (this.store.gradients.cleared) return 0
    await this.#sumSquares()
    this.schedules.norm.executeSync() // a number a row: shorter than handing it to another thread
    return this.schedules.gradientNorm[0]
  }

  async #sumSquares(): Promise<void> {
    const { gradients } = this.store
    if (!gradients.squaresAreOld) return
    await this.schedules.squares.execute()
    gradients.squaresAreNew()
  }

  /**
   * Updates every weight by AdamW, refreshes what the device reads and zeroes the gradients.
   *
   * With `forward` the forward pass of `tokens`, filled in for the next micro-batch before this call, runs along with the
   * update: one thread updates while the others compute. If the next call is `forwardBackward` of the same tokens, it
   * starts at the loss, or throws what ended the pass; any other call forgets the pass. All numbers are those of the
   * calls one by one.
   *
   * With baked weights the programs are compiled in the background after the update; the next pass waits for those it
   * runs, and `forward` does nothing.
   *
   * @throws {RangeError} if a number or a token makes no sense; nothing has changed then
   * @throws {AneError} if the programs of the weights before did not compile
   */
  async adamw(hyper: AdamwHyperparameters, { forward = false } = {}): Promise<UpdateTimes> {
    if (forward) checkTokens(this.tokens, this.config.vocab_size)
    this.store.setHyperparameters(hyper)
    await this.schedules.compiled()
    const { gradients } = this.store
    gradients.materialize()
    await this.#sumSquares()
    const times = await (forward && this.options.binding !== 'baked' ? this.#updateAndForward() : this.#update())
    gradients.clear({ partialAreZero: true })
    this.#refresh()
    return times
  }

  async #update(): Promise<UpdateTimes> {
    this.#ahead = undefined
    return this.schedules.update()
  }

  async #updateAndForward(): Promise<UpdateTimes> {
    this.#ahead = undefined
    this.classifier.tokens.set(this.tokens)
    const { times, failure } = await this.schedules.updateAndForward()
    this.#ahead = failure ?? 'done'
    return times
  }

  /** Copies the weights to where the device reads them; call after changing `parameters` from outside. */
  async stage(): Promise<void> {
    await this.settled()
    this.#ahead = undefined
    await this.schedules.stage.execute()
    this.#refresh()
    await this.schedules.compiled()
  }

  #refresh(): void {
    if (this.options.binding === 'baked') this.schedules.compile()
  }

  /** Programs handed to the compiler so far. */
  get compiles(): number {
    return this.programs.compiles
  }

  /** The programs one forward and backward pass runs, one per segment and direction. */
  get executables(): { readonly forward: Executable[]; readonly backward: Executable[] } {
    return { forward: this.programs.executables('forward'), backward: this.programs.executables('backward') }
  }

  /** What one forward and backward pass runs, in order. */
  get entries(): Schedule['entries'] {
    return this.schedules.entries
  }

  /** Resolves when no program is being compiled, whether or not all compiled; the device can then be closed for good. */
  settled(): Promise<void> {
    return this.schedules.settled()
  }

  /** Frees programs and surfaces and stops compiling; the weights, gradients and moments stay readable. */
  dispose(): void {
    this.programs.dispose()
    this.device.dispose()
  }
}

/**
 * Makes the training step of a model.
 *
 * @throws {RangeError} if the configuration is impossible or sizes or weights do not fit it
 * @throws {AneError} if the device refuses a program, or `OUT_OF_MEMORY`, naming what takes how much
 */
export function createTrainStep(device: Device, config: ModelConfig, options: TrainStepOptions): Promise<TrainStep> {
  const { compactVocabulary, ...sizes } = options
  const estimate = () => memoryEstimate(config, { ...sizes, vocabulary: compactVocabulary?.length })
  return namingMemory(estimate, () => TrainStep.create(device, config, options))
}
