import { checkBinding, type WeightBinding } from '../binding.js'
import { checkSeqLen, type ModelConfig } from '../config.js'
import type { ModelDtype } from '../graph.js'
import type { HostOp, LayersPerProgram } from '../host-ops.js'

/** What a training step is made for; all of it is fixed once created. */
export interface TrainStepOptions {
  readonly batchSize: number
  readonly seqLen: number
  /** Type of programs and surfaces; masters, gradients and moments are fp32. @default 'fp16' */
  readonly dtype?: ModelDtype
  /** Starting weights; the step takes the arrays over and changes them in place. */
  readonly weights: ReadonlyMap<string, Float32Array>
  /** @default 'packed' on a Neural Engine, else 'inputs' */
  readonly binding?: WeightBinding
  /** What the host does of every half-block, between programs. @default none */
  readonly hostOps?: readonly HostOp[]
  /** Only `half` with host operations. @default 1, with host operations 'half' */
  readonly layersPerProgram?: LayersPerProgram
  /** Token ids the classifier and the loss are limited to; every target must be among them. Absent: all. */
  readonly compactVocabulary?: Int32Array
}

/** Milliseconds of one call, by what spent them. */
export interface StepTimes {
  readonly device_forward: number
  readonly device_backward: number
  readonly host: number
  readonly staging: number
  /** Waiting for programs that are being compiled. */
  readonly compile: number
  readonly total: number
}

/** Milliseconds of one update. */
export interface UpdateTimes {
  /** What the call waited for the update. */
  readonly update: number
  /** What another thread ran of it alongside the forward pass; in no other time. */
  readonly alongside: number
  /** The forward pass that was asked for, unless it did not run. */
  readonly forward?: StepTimes
}

/** Result of one forward and backward pass. */
export interface StepResult {
  /** Mean cross-entropy over the targets that count, in nats, without the loss scale. */
  readonly loss: number
  /** Number of those targets. */
  readonly count: number
  readonly times: StepTimes
}

/** Checks what a training step is made for. @throws {RangeError|TypeError} naming the first that makes no sense */
export function checkStepOptions(config: ModelConfig, options: TrainStepOptions): void {
  const { batchSize, seqLen, binding = 'inputs', dtype = 'fp16' } = options
  checkBinding(binding, dtype)
  checkSeqLen(config, seqLen)
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new RangeError(`Expected a positive integer for batch_size, got ${batchSize}.`)
  }
}
