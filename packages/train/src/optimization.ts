import type { TrainStep, UpdateTimes } from '@ane/models'
import {
  AdamW,
  clipFactor,
  dynamicLossScale,
  type LossScale,
  type LossScaleState,
  type Schedule,
  staticLossScale,
} from '@ane/optim'
import { scheduleOf, type TrainingOptions } from './options.js'
import { StepClock } from './step-clock.js'

/** What one optimizer step did. */
export interface OptimizationResult {
  /** Mean loss over the micro-batches. */
  readonly loss: number
  readonly learningRate: number
  /** Global gradient norm before clipping, loss scale divided out; not finite when the step was skipped. */
  readonly norm: number
  /** Loss scale of this step; `nextLossScale` is that of the following. */
  readonly lossScale: number
  readonly nextLossScale: number
  readonly times: ReturnType<StepClock['stop']>
}

/** Turns batches into weight updates: accumulation, loss scale, clipping, learning rate and AdamW. */
export class Optimization {
  readonly #schedule: Schedule
  readonly #lossScale: LossScale
  readonly #adamw: AdamW
  #forward = false
  #update!: UpdateTimes

  constructor(
    private readonly trainStep: TrainStep,
    private readonly options: TrainingOptions,
  ) {
    this.#schedule = scheduleOf(options)
    this.#lossScale = options.lossScale === 'dynamic' ? dynamicLossScale() : staticLossScale(options.lossScale)
    this.#adamw = new AdamW([], {
      beta1: options.adamBeta1,
      beta2: options.adamBeta2,
      epsilon: options.adamEpsilon,
      weightDecay: options.weightDecay,
      kernel: async (_, { epsilon, gradientScale, ...hyper }) => {
        const step = this.#adamw.steps + 1
        const numbers = { ...hyper, eps: epsilon, gradScale: gradientScale, step }
        this.#update = await trainStep.adamw(numbers, { forward: this.#forward })
      },
    })
  }

  /**
   * One step: gradients of all micro-batches, their norm, and an update unless it is not finite.
   *
   * @param step number of this step, from 1
   * @param fillBatch puts the next micro-batch into the training step
   * @param fillAhead does so with the first one of the following step before its turn, if there is one and it is known, so
   * that its forward pass runs along with the update; returns whether it did
   */
  async run(step: number, fillBatch: () => void, fillAhead = () => false): Promise<OptimizationResult> {
    const { trainStep, options } = this
    const clock = new StepClock()
    const lossScale = this.#lossScale.scale
    let loss = 0
    for (let micro = 0; micro < options.gradientAccumulationSteps; micro++) {
      fillBatch()
      const result = await trainStep.forwardBackward(lossScale)
      clock.add(result.times)
      loss += result.loss / options.gradientAccumulationSteps
    }
    const unscale = 1 / (lossScale * options.gradientAccumulationSteps)
    const normStart = performance.now()
    const norm = (await trainStep.gradNorm()) * unscale
    clock.addHost(performance.now() - normStart)
    const learningRate = this.#schedule(step)
    const finite = Number.isFinite(norm)
    if (finite) {
      const clip = options.maxGradNorm > 0 ? clipFactor(norm, options.maxGradNorm) : 1
      this.#forward = fillAhead()
      await this.#adamw.step(learningRate, clip * unscale)
      clock.addHost(this.#update.update)
      if (this.#update.forward !== undefined) clock.add(this.#update.forward)
    } else trainStep.zeroGradients()
    this.#lossScale.update(finite)
    return { loss, learningRate, norm, lossScale, nextLossScale: this.#lossScale.scale, times: clock.stop() }
  }

  state(): { updates: number; lossScale: LossScaleState } {
    return { updates: this.#adamw.steps, lossScale: this.#lossScale.state() }
  }

  load(state: { updates: number; lossScale: LossScaleState }): void {
    this.#adamw.resume(state.updates)
    this.#lossScale.load(state.lossScale)
  }
}
