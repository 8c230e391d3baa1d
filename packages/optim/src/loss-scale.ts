import { expectAtLeast, expectInteger } from './expect.js'

/** What a checkpoint stores of a loss scale. */
export interface LossScaleState {
  scale: number
  /** Updates since the scale last changed. */
  goodSteps: number
}

/**
 * Keeps small fp16 gradients from vanishing: the loss gradient is multiplied by `scale`, the optimizer divides it out.
 */
export interface LossScale {
  readonly scale: number
  /** Tells how the step went; `finite` is false when a gradient overflowed and the step was skipped. */
  update(finite: boolean): void
  state(): LossScaleState
  load(state: LossScaleState): void
}

/** A scale that never changes. @throws {RangeError} if it is not positive */
export function staticLossScale(scale: number): LossScale {
  if (!(Number.isFinite(scale) && scale > 0))
    throw new RangeError(`Expected a positive number for scale, got ${scale}.`)
  return { scale, update() {}, state: () => ({ scale, goodSteps: 0 }), load() {} }
}

export interface DynamicLossScaleOptions {
  /** First scale; default 1024. */
  initialScale?: number
  /** Factor up after `growthInterval` good steps; default 2. */
  growthFactor?: number
  /** Factor down after an overflow; default 0.5. */
  backoffFactor?: number
  /** Default 1000. */
  growthInterval?: number
  /** The scale never leaves [minScale, maxScale]; defaults 1 and 65536. */
  minScale?: number
  maxScale?: number
}

/**
 * Halves the scale when a gradient overflows and doubles it after a run of good steps.
 *
 * @throws {RangeError} if a factor or bound makes no sense
 * @see Micikevicius et al. 2017, https://arxiv.org/abs/1710.03740
 */
export function dynamicLossScale(options: DynamicLossScaleOptions = {}): LossScale {
  const { growthFactor = 2, backoffFactor = 0.5, growthInterval = 1000, minScale = 1, maxScale = 65536 } = options
  let scale = options.initialScale ?? 1024
  let goodSteps = 0
  expectAtLeast('growthFactor', growthFactor, 1)
  if (!(backoffFactor > 0 && backoffFactor < 1))
    throw new RangeError(`Expected a number in (0, 1) for backoffFactor, got ${backoffFactor}.`)
  expectInteger('growthInterval', growthInterval, 1)
  expectAtLeast('minScale', minScale, Number.MIN_VALUE)
  expectAtLeast('maxScale', maxScale, minScale)
  if (!(scale >= minScale && scale <= maxScale))
    throw new RangeError(`Expected a number in [${minScale}, ${maxScale}] for initialScale, got ${scale}.`)
  return {
    get scale() {
      return scale
    },
    update(finite) {
      if (!finite) {
        scale = Math.max(minScale, scale * backoffFactor)
        goodSteps = 0
      } else if (++goodSteps === growthInterval) {
        scale = Math.min(maxScale, scale * growthFactor)
        goodSteps = 0
      }
    },
    state: () => ({ scale, goodSteps }),
    load(state) {
      if (!(state.scale >= minScale && state.scale <= maxScale))
        throw new RangeError(`Expected a number in [${minScale}, ${maxScale}] for scale, got ${state.scale}.`)
      expectInteger('goodSteps', state.goodSteps, 0)
      scale = state.scale
      goodSteps = state.goodSteps
    },
  }
}
