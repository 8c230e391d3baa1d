/** Timing training steps. */
import {
  createTrainStep,
  type HostOp,
  initialWeights,
  type LayersPerProgram,
  type ModelConfig,
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
  readonly update: number
  /** What the schedules of the passes took beyond their entries. */
  readonly schedule: number
  /** What is left of the step. */
  readonly javascript: number
}

const LOSS_SCALE = 1024

/** Runs one step, from tokens to updated weights; `index` counts from 0. */
export async function timeStep(
  step: TrainStep,
  batches: Batches,
  index: number,
): Promise<{ loss: number; sample: StepSample }> {
  const start = performance.now()
  batches(step, index)
  const { loss, times } = await step.forwardBackward(LOSS_SCALE)
  const { norm, update } = await timeUpdate(step, index)
  const total = performance.now() - start
  const { device_forward, device_backward, host, staging, compile } = times
  const entries = device_forward + device_backward + host + staging + compile
  const sample = {
    step: total,
    device_forward,
    device_backward,
    host,
    staging,
    compile,
    gradient_norm: norm,
    update,
    schedule: Math.max(0, times.total - entries),
    javascript: Math.max(0, total - times.total - norm - update),
  }
  return { loss, sample }
}

/** Clips the gradients of a pass and updates every weight; milliseconds of both parts. */
export async function timeUpdate(step: TrainStep, index: number): Promise<{ norm: number; update: number }> {
  const start = performance.now()
  const gradNorm = await step.gradNorm()
  const norm = performance.now() - start
  const gradScale = Math.min(1, LOSS_SCALE / (gradNorm + 1e-6)) / LOSS_SCALE
  const hyper = { learningRate: 1e-4, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1 }
  const update = await step.adamw({ ...hyper, step: index + 1, gradScale })
  return { norm, update }
}
