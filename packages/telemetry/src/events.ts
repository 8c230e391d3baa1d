/**
 * What a training run tells about itself. Field names on disk are grouped by a slash and carry their unit; a number that
 * is not known is `null`, never 0.
 */

/** Written once when a run starts or resumes. */
export interface StartEvent {
  type: 'start'
  /** ISO 8601. */
  time: string
  /** Step the run continues from; 0 for a new run. */
  step: number
  /** e.g. `CPU engine, avx512, 2 threads`. */
  device: string
  math: string
  parameters: number
  options: Record<string, unknown>
}

/** One optimizer step. */
export interface StepEvent {
  type: 'step'
  time: string
  step: number
  /** Mean cross-entropy over the step's targets, nats. */
  'train/loss': number
  /** Exponential moving average of the loss. */
  'train/loss_smoothed': number
  'train/learning_rate': number
  /** Global L2 norm before clipping, loss scale divided out; `null` when not finite. */
  'train/grad_norm': number | null
  'train/loss_scale': number
  /** True when a gradient was not finite and no weight was changed. */
  'train/skipped': boolean
  /** Tokens seen by the run so far. */
  'train/tokens': number
  'perf/tokens_per_second': number
  /** Wall time of the whole step. */
  'perf/step_ms': number
  /** Forward passes that ran in this step, also one for the step to come. */
  'perf/device_forward_ms': number
  'perf/device_backward_ms': number
  /** Host kernels, and what the step waited for the update; not what ran of it alongside a forward pass. */
  'perf/host_ms': number
  'perf/staging_ms': number
  /** Step time that none of the native parts account for: JavaScript, data loading, waiting. */
  'perf/javascript_ms': number
  /** Model floating-point operations per second, by the usual count of the model's matrix products. */
  'perf/flops_per_second': number
  /** Resident memory of the process. */
  'perf/rss_bytes': number
}

/** A validation. */
export interface EvalEvent {
  type: 'eval'
  time: string
  step: number
  'eval/loss': number
  'eval/perplexity': number
  'eval/tokens': number
  /** Whether this is the lowest validation loss so far. */
  'eval/best': boolean
}

/** A checkpoint that is safely on disk. */
export interface CheckpointEvent {
  type: 'checkpoint'
  time: string
  step: number
  path: string
  /** Why it was written. */
  reason: 'interval' | 'best' | 'interrupted' | 'restart' | 'final'
}

/** Something the user should know; the run goes on. */
export interface WarningEvent {
  type: 'warning'
  time: string
  step: number
  message: string
}

/** The last event of a run. */
export interface EndEvent {
  type: 'end'
  time: string
  step: number
  reason: 'max_steps' | 'patience' | 'max_minutes' | 'interrupted' | 'restart' | 'error'
  message?: string
}

export type TelemetryEvent = StartEvent | StepEvent | EvalEvent | CheckpointEvent | WarningEvent | EndEvent
