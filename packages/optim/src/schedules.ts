import { expectAtLeast, expectInteger } from './expect.js'

/** The learning rate of update `t`, counted from 1. */
export type Schedule = (t: number) => number

export interface ScheduleOptions {
  /** Peak learning rate, reached at the end of the warm-up. */
  learningRate: number
  /** Rate from `decaySteps` on; default 0. */
  minLearningRate?: number
  /** Updates of linear warm-up from 0; default 0. */
  warmupSteps?: number
  /** Update at which the minimum is reached, warm-up included. */
  decaySteps: number
}

/**
 * Linear warm-up, then half a cosine down to the minimum.
 *
 * `lr·t/warmup` while t ≤ warmup; `min` from `decaySteps` on; otherwise
 * `min + (1 + cos(π·(t − warmup)/(decay − warmup)))·(lr − min)/2`. Double precision.
 *
 * @throws {RangeError} if a rate is negative, a count is not a whole number, or the minimum exceeds the peak
 * @see Loshchilov and Hutter 2016, https://arxiv.org/abs/1608.03983
 */
export function cosineSchedule(options: ScheduleOptions): Schedule {
  return decay(options, (progress) => (1 + Math.cos(Math.PI * progress)) / 2)
}

/** Linear warm-up, then a straight line down to the minimum. @throws {RangeError} as `cosineSchedule` */
export function linearSchedule(options: ScheduleOptions): Schedule {
  return decay(options, (progress) => 1 - progress)
}

/** Linear warm-up, then the same rate for ever. @throws {RangeError} as `cosineSchedule` */
export function constantSchedule(options: { learningRate: number; warmupSteps?: number }): Schedule {
  return decay({ ...options, decaySteps: Number.MAX_SAFE_INTEGER }, () => 1)
}

function decay(options: ScheduleOptions, shape: (progress: number) => number): Schedule {
  const { learningRate, minLearningRate = 0, warmupSteps = 0, decaySteps } = options
  expectAtLeast('learningRate', learningRate, 0)
  expectAtLeast('minLearningRate', minLearningRate, 0)
  expectInteger('warmupSteps', warmupSteps, 0)
  expectInteger('decaySteps', decaySteps, 1)
  if (minLearningRate > learningRate)
    throw new RangeError(`Expected at most learningRate ${learningRate} for minLearningRate, got ${minLearningRate}.`)
  return (t) => {
    expectInteger('t', t, 1)
    if (t <= warmupSteps) return (learningRate * t) / warmupSteps
    if (t >= decaySteps) return minLearningRate
    return minLearningRate + shape((t - warmupSteps) / (decaySteps - warmupSteps)) * (learningRate - minLearningRate)
  }
}
