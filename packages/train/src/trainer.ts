import { flopsPerToken, type ModelConfig, type TrainStep } from '@ane/models'
import { type CheckpointEvent, type EndEvent, MovingAverage, type StepEvent, type TelemetryEvent } from '@ane/telemetry'
import {
  checkpointPath,
  linkBest,
  loadTrainingState,
  type Moments,
  pruneCheckpoints,
  saveCheckpoint,
  type TrainerState,
} from './checkpoint.js'
import { RunError } from './errors.js'
import { Evaluation } from './evaluation.js'
import { Optimization } from './optimization.js'
import type { TrainingOptions } from './options.js'
import { epochSampler, evaluationStarts, type Sampler, type SamplerState } from './sampler.js'
import { splitTokens, type TokenSource } from './token-source.js'

/** What a run needs; everything stays owned by the caller. */
export interface RunSetup {
  readonly config: ModelConfig
  /** The compiled training step; its parameters hold the starting weights. */
  readonly trainStep: TrainStep
  readonly tokens: TokenSource
  readonly options: TrainingOptions
  /** Where checkpoints go; nothing is saved without it. */
  readonly runFolder?: string
  /** Continue from this checkpoint folder. */
  readonly resume?: string
  /** Adds files (the tokenizer) to every checkpoint. */
  readonly addFiles?: (folder: string) => void | Promise<void>
  /** Replaces the seeded epochs over the training part. */
  readonly sampler?: Sampler
  /** Replaces the windows spread over the validation part. */
  readonly evalStarts?: readonly number[]
  /** Stops after the step under way, saving first. */
  readonly signal?: AbortSignal
  /** Asked after every step: true saves and ends the run, to be resumed by a fresh process. */
  readonly needsRestart?: () => boolean
}

/**
 * Trains and yields what happens: steps, validations, checkpoints, warnings and the end. Never prints.
 *
 * On the CPU engine, N steps give the same weights bit for bit as k steps, a resume, and N − k more.
 *
 * @throws {RunError} if the data is too small, saving fails or too many steps in a row are skipped; the last good
 * checkpoint stays
 */
export async function* train(setup: RunSetup): AsyncGenerator<TelemetryEvent, void, void> {
  const run = new Run(setup)
  if (setup.resume) await run.resume(setup.resume)
  yield* run.steps()
}

class Run {
  readonly #sampler: Sampler
  readonly #evaluation?: Evaluation
  readonly #optimization: Optimization
  readonly #smoothed = new MovingAverage(0.95)
  readonly #window: Int32Array
  /** Windows drawn for the step to come, and the sampler's state before that. */
  #drawn?: { readonly starts: readonly number[]; readonly before: SamplerState }
  readonly #flopsPerStep: number
  #step = 0
  #tokens = 0
  #nextLossScale = 0
  #skippedInARow = 0
  #evalsSinceBest = 0
  #best: { loss: number; checkpoint: string | null } = { loss: Number.POSITIVE_INFINITY, checkpoint: null }
  #savedStep = -1
  readonly #started = performance.now()

  constructor(readonly setup: RunSetup) {
    const { options, tokens, config, trainStep } = setup
    const { seqLen } = options
    if (tokens.vocabSize > config.vocab_size)
      throw new RunError(
        'VOCABULARY_MISMATCH',
        `Expected token ids below the model's vocab_size ${config.vocab_size}, got data with ${tokens.vocabSize}.`,
      )
    const split = splitTokens(tokens.length, options.evalSteps > 0 ? options.evalFraction : 0, seqLen)
    this.#sampler = setup.sampler ?? epochSampler({ trainTokens: split.trainTokens, seqLen, seed: options.seed })
    if (options.evalSteps > 0) {
      const { trainTokens, evalTokens } = split
      const starts = setup.evalStarts ?? evaluationStarts(trainTokens, evalTokens, seqLen, options.evalWindows)
      this.#evaluation = new Evaluation(trainStep, tokens, starts, options)
    }
    this.#optimization = new Optimization(trainStep, options)
    this.#window = new Int32Array(seqLen + 1)
    this.#flopsPerStep =
      flopsPerToken(config, seqLen, trainStep.options.compactVocabulary?.length).training * this.#tokensPerStep
  }

  get #tokensPerStep(): number {
    const { batchSize, seqLen, gradientAccumulationSteps } = this.setup.options
    return batchSize * seqLen * gradientAccumulationSteps
  }

  async resume(checkpoint: string): Promise<void> {
    const { trainStep, config } = this.setup
    const state = await loadTrainingState(checkpoint, config, momentsOf(trainStep))
    this.#step = state.step
    this.#savedStep = state.step
    this.#tokens = state.tokens
    this.#optimization.load(state)
    this.#sampler.load(state.sampler)
    this.#smoothed.load(state.smoothedLoss)
    this.#best = { loss: state.bestEvalLoss ?? Number.POSITIVE_INFINITY, checkpoint: state.bestCheckpoint }
    this.#evalsSinceBest = state.evalsSinceBest
    this.#skippedInARow = state.skippedInARow
  }

  async *steps(): AsyncGenerator<TelemetryEvent, void, void> {
    const { options } = this.setup
    if (this.#step === 0 && this.#evaluation) yield* this.#evaluate()
    let reason = this.#stopReason()
    while (reason === undefined) {
      const event = await this.#trainOnce()
      yield event
      if (event['train/skipped']) yield this.#warnOfSkip(event)
      if (this.#evaluates) yield* this.#evaluate()
      const last = this.#step === options.maxSteps
      if (!last && options.saveSteps > 0 && this.#step % options.saveSteps === 0) yield* this.#save('interval')
      reason = this.#stopReason()
    }
    yield* this.#save(reason === 'interrupted' || reason === 'restart' ? reason : 'final')
    yield { type: 'end', time: now(), step: this.#step, reason }
  }

  /** Whether a validation follows the step under way. */
  get #evaluates(): boolean {
    const { maxSteps, evalSteps } = this.setup.options
    return this.#evaluation !== undefined && (this.#step === maxSteps || this.#step % evalSteps === 0)
  }

  #stopReason(): EndEvent['reason'] | undefined {
    const { options, signal } = this.setup
    if (this.#step >= options.maxSteps) return 'max_steps'
    if (signal?.aborted) return 'interrupted'
    if (this.setup.needsRestart?.()) return 'restart'
    if (options.patience > 0 && this.#evalsSinceBest >= options.patience) return 'patience'
    const minutes = (performance.now() - this.#started) / 60_000
    if (options.maxMinutes > 0 && minutes >= options.maxMinutes) return 'max_minutes'
    return undefined
  }

  async #trainOnce(): Promise<StepEvent> {
    const result = await this.#optimization.run(
      ++this.#step,
      () => this.#fillBatch(),
      () => this.#fillAhead(),
    )
    const finite = Number.isFinite(result.norm)
    this.#nextLossScale = result.nextLossScale
    this.#skippedInARow = finite ? 0 : this.#skippedInARow + 1
    this.#tokens += this.#tokensPerStep
    const perSecond = 1000 / result.times['perf/step_ms']
    return {
      type: 'step',
      time: now(),
      step: this.#step,
      'train/loss': result.loss,
      'train/loss_smoothed': this.#smoothed.add(result.loss),
      'train/learning_rate': result.learningRate,
      'train/grad_norm': finite ? result.norm : null,
      'train/loss_scale': result.lossScale,
      'train/skipped': !finite,
      'train/tokens': this.#tokens,
      'perf/tokens_per_second': this.#tokensPerStep * perSecond,
      'perf/flops_per_second': this.#flopsPerStep * perSecond,
      'perf/rss_bytes': process.memoryUsage.rss(),
      ...result.times,
    }
  }

  #fillBatch(): void {
    const starts = this.#drawn?.starts ?? this.#sampler.next(this.setup.options.batchSize)
    this.#drawn = undefined
    this.#fill(starts)
  }

  /** Fills in the first batch of the step to come, unless the run ends or validates before it. */
  #fillAhead(): boolean {
    const { options, signal } = this.setup
    if (this.#evaluates || this.#step >= options.maxSteps || signal?.aborted) return false
    const before = this.#sampler.state()
    const starts = this.#sampler.next(options.batchSize)
    this.#drawn = { starts, before }
    this.#fill(starts)
    return true
  }

  #fill(starts: readonly number[]): void {
    const { options, trainStep, tokens } = this.setup
    const { seqLen } = options
    starts.forEach((start, row) => {
      tokens.read(start, this.#window)
      trainStep.tokens.set(this.#window.subarray(0, seqLen), row * seqLen)
      trainStep.targets.set(this.#window.subarray(1), row * seqLen)
    })
  }

  /** @throws {RunError} after too many skipped steps in a row */
  #warnOfSkip(event: StepEvent): TelemetryEvent {
    const { maxSkippedSteps } = this.setup.options
    if (this.#skippedInARow >= maxSkippedSteps)
      throw new RunError(
        'TOO_MANY_SKIPPED_STEPS',
        `Stopped at step ${this.#step}: the gradient was not finite ${this.#skippedInARow} steps in a row. The last checkpoint is intact; resume with a lower --learning-rate or --dtype fp32.`,
      )
    const message = `step ${this.#step} skipped: the gradient is not finite at loss scale ${event['train/loss_scale']}; next scale ${this.#nextLossScale}`
    return { type: 'warning', time: now(), step: this.#step, message }
  }

  async *#evaluate(): AsyncGenerator<TelemetryEvent, void, void> {
    const { loss, count } = await this.#evaluation!.run()
    const best = loss < this.#best.loss
    this.#evalsSinceBest = best ? 0 : this.#evalsSinceBest + 1
    yield {
      type: 'eval',
      time: now(),
      step: this.#step,
      'eval/loss': loss,
      'eval/perplexity': Math.exp(loss),
      'eval/tokens': count,
      'eval/best': best,
    }
    if (!best) return
    this.#best = { loss, checkpoint: null }
    if (this.#step > 0) yield* this.#save('best')
  }

  async *#save(reason: CheckpointEvent['reason']): AsyncGenerator<TelemetryEvent, void, void> {
    const { runFolder, config, trainStep, options, addFiles } = this.setup
    if (runFolder === undefined || this.#savedStep === this.#step) return
    const path = checkpointPath(runFolder, this.#step)
    const name = path.slice(runFolder.length + 1)
    if (reason === 'best') this.#best.checkpoint = name
    const content = {
      config,
      weights: trainStep.parameters,
      moments: momentsOf(trainStep),
      state: this.#state(),
      suppressTokens: trainStep.untrainedTokens,
    }
    await saveCheckpoint(path, content, addFiles)
    this.#savedStep = this.#step
    if (reason === 'best') await linkBest(runFolder, name)
    await pruneCheckpoints(runFolder, options.saveTotalLimit, this.#best.checkpoint)
    yield { type: 'checkpoint', time: now(), step: this.#step, path, reason }
  }

  #state(): TrainerState {
    return {
      version: 1,
      step: this.#step,
      ...this.#optimization.state(),
      tokens: this.#tokens,
      sampler: this.#drawn?.before ?? this.#sampler.state(),
      smoothedLoss: this.#smoothed.state(),
      bestEvalLoss: Number.isFinite(this.#best.loss) ? this.#best.loss : null,
      bestCheckpoint: this.#best.checkpoint,
      evalsSinceBest: this.#evalsSinceBest,
      skippedInARow: this.#skippedInARow,
    }
  }
}

const momentsOf = ({ firstMoments, secondMoments }: TrainStep): Moments => ({ m: firstMoments, v: secondMoments })

const now = (): string => new Date().toISOString()
