import { constantSchedule, cosineSchedule, linearSchedule, type Schedule } from '@ane/optim'

/** How a run trains; names follow the Hugging Face Trainer. */
export interface TrainingOptions {
  maxSteps: number
  seqLen: number
  /** Sequences per forward pass. */
  batchSize: number
  /** Forward/backward passes per optimizer step. */
  gradientAccumulationSteps: number
  learningRate: number
  lrScheduler: 'cosine' | 'linear' | 'constant'
  warmupSteps: number
  /** Learning rate at `decaySteps` as a share of the peak. */
  minLrRatio: number
  /** Step at which the schedule reaches its minimum; default `maxSteps`. */
  decaySteps?: number
  weightDecay: number
  adamBeta1: number
  adamBeta2: number
  adamEpsilon: number
  /** Largest global gradient norm; 0 switches clipping off. */
  maxGradNorm: number
  lossScale: number | 'dynamic'
  seed: number
  /** Validate every so many steps, and before the first and after the last; 0 never. */
  evalSteps: number
  /** Validation windows of `seqLen` tokens. */
  evalWindows: number
  /** Share of the tokens kept for validation. */
  evalFraction: number
  /** Save every so many steps, and at the end; 0 only at the end. */
  saveSteps: number
  /** Checkpoints kept besides the best one. */
  saveTotalLimit: number
  /** Steps in a row with a gradient that is not finite, after which the run stops. */
  maxSkippedSteps: number
  /** Stop after so many validations in a row without a new best; 0 never. */
  patience: number
  /** Stop, saving, after so many minutes of this process; 0 never. */
  maxMinutes: number
}

export const defaultTrainingOptions: TrainingOptions = {
  maxSteps: 1000,
  seqLen: 256,
  batchSize: 1,
  gradientAccumulationSteps: 1,
  learningRate: 1e-3,
  lrScheduler: 'cosine',
  warmupSteps: 50,
  minLrRatio: 0.1,
  weightDecay: 0.1,
  adamBeta1: 0.9,
  adamBeta2: 0.95,
  adamEpsilon: 1e-8,
  maxGradNorm: 1,
  lossScale: 'dynamic',
  seed: 0,
  evalSteps: 100,
  evalWindows: 16,
  evalFraction: 0.05,
  saveSteps: 500,
  saveTotalLimit: 2,
  maxSkippedSteps: 20,
  patience: 0,
  maxMinutes: 0,
}

const atLeast: Partial<Record<keyof TrainingOptions, number>> = {
  maxSteps: 1,
  seqLen: 1,
  batchSize: 1,
  gradientAccumulationSteps: 1,
  warmupSteps: 0,
  seed: 0,
  evalSteps: 0,
  evalWindows: 1,
  saveSteps: 0,
  saveTotalLimit: 1,
  maxSkippedSteps: 1,
  patience: 0,
}

/**
 * Fills in defaults and checks every number.
 *
 * @throws {RangeError} naming the first option that makes no sense
 */
export function trainingOptions(given: Partial<TrainingOptions>): TrainingOptions {
  const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const options: TrainingOptions = { ...defaultTrainingOptions, ...defined }
  for (const [name, least] of Object.entries(atLeast)) {
    const value = options[name as keyof TrainingOptions]
    if (!(Number.isSafeInteger(value) && (value as number) >= least))
      throw new RangeError(`Expected an integer of at least ${least} for ${name}, got ${value}.`)
  }
  within('learningRate', options.learningRate, 0, Number.MAX_VALUE)
  within('minLrRatio', options.minLrRatio, 0, 1)
  within('weightDecay', options.weightDecay, 0, Number.MAX_VALUE)
  within('maxGradNorm', options.maxGradNorm, 0, Number.MAX_VALUE)
  within('maxMinutes', options.maxMinutes, 0, Number.MAX_VALUE)
  within('evalFraction', options.evalFraction, 0, 0.5)
  if (options.lossScale !== 'dynamic') within('lossScale', options.lossScale, Number.MIN_VALUE, Number.MAX_VALUE)
  if (options.patience > 0 && options.evalSteps === 0)
    throw new RangeError('Expected a positive evalSteps when patience is set, got 0.')
  if (options.evalSteps > 0 && options.evalFraction === 0)
    throw new RangeError('Expected a positive evalFraction when evalSteps is set, got 0.')
  return options
}

function within(name: string, value: number, least: number, most: number): void {
  if (!(value >= least && value <= most))
    throw new RangeError(`Expected a number from ${least} to ${most} for ${name}, got ${value}.`)
}

/** The learning-rate schedule the options ask for. */
export function scheduleOf(options: TrainingOptions): Schedule {
  const { learningRate, warmupSteps, lrScheduler } = options
  if (lrScheduler === 'constant') return constantSchedule({ learningRate, warmupSteps })
  const decay = lrScheduler === 'cosine' ? cosineSchedule : linearSchedule
  return decay({
    learningRate,
    warmupSteps,
    minLearningRate: learningRate * options.minLrRatio,
    decaySteps: options.decaySteps ?? options.maxSteps,
  })
}
