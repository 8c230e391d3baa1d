/** Timing training steps. */
import {
  type AdamwHyperparameters,
  createTrainStep,
  type HostOp,
  initialWeights,
  type LayersPerProgram,
  type ModelConfig,
  type StepTimes,
  type TrainStep,
  type WeightBinding,
} from '@ane/models'
import type { Device } from '@ane/runtime'
import type { Batches } from './batches.js'

/** The step to time. */
export interface Workload {
  readonly config: ModelConfig
  readonly batchSize: number
  readonly seqLen: number
  readonly dtype?: 'fp16' | 'fp32'
  /** Token ids that classifier and loss are limited to. */
  readonly compactVocabulary?: Int32Array
}

/** How it is cut into programs. */
export interface Cut {
  readonly binding?: WeightBinding
  readonly layersPerProgram?: LayersPerProgram
  readonly hostOps?: readonly HostOp[]
}

/** Makes the training step of a workload with weights drawn anew. */
export function createStep(device: Device, workload: Workload, cut: Cut = {}): Promise<TrainStep> {
  const { config, ...sizes } = workload
  return createTrainStep(device, config, { weights: initialWeights(config, 0), ...sizes, ...cut })
}

/** Milliseconds of one whole training step, by part. */
export interface StepSample {
  readonly step: number
  readonly device_forward: number
  readonly device_backward: number
  readonly host: number
  readonly staging: number
  /** Waiting for programs that are being compiled. */
  readonly compile: number
  readonly gradient_norm: number
  /** What the step waited for the update. */
  readonly update: number
  /** What another thread ran of the update meanwhile; part of no other time. */
  readonly update_alongside: number
  /** What the schedules of the passes took beyond their entries. */
  readonly schedule: number
  /** What is left of the step. */
  readonly javascript: number
}

const LOSS_SCALE = 1024

/**
 * Runs one step, from loss to updated weights and the forward pass of the next step; `index` counts from 0.
 *
 * Every step holds one forward pass but the first, which has to run its own too. With baked weights each runs its own.
 *
 * @param step filled in with the batch of `index`; afterwards with the following one
 */
export async function timeStep(
  step: TrainStep,
  batches: Batches,
  index: number,
): Promise<{ loss: number; sample: StepSample }> {
  const start = performance.now()
  const { loss, times } = await step.forwardBackward(LOSS_SCALE)
  const norm = await timeNorm(step)
  batches(step, index + 1)
  const { update, alongside, forward } = await step.adamw(hyperparameters(norm.value, index), { forward: true })
  const total = performance.now() - start
  const sum = (part: keyof StepTimes) => times[part] + (forward?.[part] ?? 0)
  const [device_forward, device_backward] = [sum('device_forward'), sum('device_backward')]
  const [host, staging, compile, passes] = [sum('host'), sum('staging'), sum('compile'), sum('total')]
  const entries = device_forward + device_backward + host + staging + compile
  const sample = {
    step: total,
    device_forward,
    device_backward,
    host,
    staging,
    compile,
    gradient_norm: norm.milliseconds,
    update,
    update_alongside: alongside,
    schedule: Math.max(0, passes - entries),
    javascript: Math.max(0, total - passes - norm.milliseconds - update),
  }
  return { loss, sample }
}

/** Clips the gradients of a pass and updates every weight; milliseconds of both parts. */
export async function timeUpdate(step: TrainStep, index: number): Promise<{ norm: number; update: number }> {
  const norm = await timeNorm(step)
  const { update } = await step.adamw(hyperparameters(norm.value, index))
  return { norm: norm.milliseconds, update }
}

async function timeNorm(step: TrainStep): Promise<{ value: number; milliseconds: number }> {
  const start = performance.now()
  const value = await step.gradNorm()
  return { value, milliseconds: performance.now() - start }
}

function hyperparameters(gradNorm: number, index: number): AdamwHyperparameters {
  const gradScale = Math.min(1, LOSS_SCALE / (gradNorm + 1e-6)) / LOSS_SCALE
  return { learningRate: 1e-4, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, step: index + 1, gradScale }
}
