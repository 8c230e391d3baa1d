/** Every way to cut a training step into programs, what each asks of a device, and how long it takes. */
import {
  type HostOp,
  hostOpNames,
  type LayersPerProgram,
  type ModelConfig,
  type TrainStep,
  type WeightBinding,
} from '@ane/models'
import { type AneStatistics, aneStatistics, type Device, type IoDescription, openDevice } from '@ane/runtime'
import { madeUpBatches } from './batches.js'
import { createStep, timeStep, type Workload } from './training.js'

/** One point in the space of pipelines. */
export interface Pipeline {
  readonly weights: WeightBinding
  readonly layers_per_program: LayersPerProgram
  readonly host_ops: readonly HostOp[]
}

/** What a pipeline asks of any device; the same everywhere. */
export interface PipelineCounts {
  /** Distinct programs of one step. */
  readonly programs: number
  readonly compiles_per_1000_steps: number
  readonly dispatches_forward: number
  readonly dispatches_backward: number
  /** Inputs and outputs of all dispatches of a step. */
  readonly surface_bytes_per_step: number
}

/** One training step on this machine, in milliseconds. */
export interface PipelineSample {
  readonly step_ms: number
  readonly device_forward_ms: number
  readonly device_backward_ms: number
  /** Host kernels, staging and the update. */
  readonly host_ms: number
  /** Waiting for programs being compiled. */
  readonly compile_ms: number
}

/** A pipeline timed on this machine. */
export interface MeasuredPipeline extends PipelineCounts {
  readonly loss: number
  readonly samples: readonly PipelineSample[]
}

/** Times of the simulator's cost model; nothing of it is measured. */
export interface ModelledPipeline {
  readonly modelled: true
  readonly chip: string
  /** Milliseconds of all dispatches of a step. */
  readonly forward_ms: number
  readonly backward_ms: number
  /** Milliseconds to compile every program once; baked weights pay them every step. */
  readonly compile_ms: number
}

/** A device that does not take a pipeline, and its reason. */
export interface Refusal {
  readonly chip?: string
  readonly refused: string
}

/** {packed, inputs, baked} × {half, half with host operations, 1, 4, all}, without cuts that are equal for this model. */
export function pipelines(config: ModelConfig): Pipeline[] {
  const layers = config.num_hidden_layers
  const cuts: Omit<Pipeline, 'weights'>[] = [
    { layers_per_program: 'half', host_ops: hostOpNames },
    ...(['half', 1, 4, 'all'] as const)
      .filter((cut) => typeof cut !== 'number' || cut < layers)
      .map((cut) => ({ layers_per_program: cut, host_ops: [] })),
  ]
  const bindings = ['packed', 'inputs', 'baked'] as const
  return bindings.flatMap((weights) => cuts.map((cut) => ({ weights, ...cut })))
}

/** A device refuses a program, or a limit of its chip does. */
const isRefusal = (error: unknown): error is Error =>
  /^ANE_(COMPILE|EVAL)/.test((error as { code?: string }).code ?? '')

/** Why the device said no: its rule where it names one, else its first words. */
const reasonOf = ({ message }: Error): string => /\bC-\d+\b/.exec(message)?.[0] ?? message.slice(0, 120)

const create = (device: Device, workload: Workload, pipeline: Pipeline): Promise<TrainStep> =>
  createStep(device, workload, {
    binding: pipeline.weights,
    layersPerProgram: pipeline.layers_per_program,
    hostOps: pipeline.host_ops,
  })

const bytesOf = (ios: readonly IoDescription[]): number =>
  ios.reduce((sum, { shape, dtype }) => sum + shape.reduce((a, b) => a * b, dtype === 'fp32' ? 4 : 2), 0)

function countsOf(step: TrainStep, { weights }: Pipeline, programs: number): PipelineCounts {
  const { forward, backward } = step.executables
  const bytes = [...forward, ...backward].map(({ inputs, outputs }) => bytesOf(inputs) + bytesOf(outputs))
  return {
    programs,
    compiles_per_1000_steps: weights === 'baked' ? 1000 * programs : programs,
    dispatches_forward: forward.length,
    dispatches_backward: backward.length,
    surface_bytes_per_step: bytes.reduce((a, b) => a + b, 0),
  }
}

/**
 * Runs one step to warm up and `steps` timed ones.
 *
 * @returns the times, or why the device refuses a program
 */
export async function measurePipeline(
  device: Device,
  workload: Workload,
  pipeline: Pipeline,
  steps: number,
): Promise<MeasuredPipeline | Refusal> {
  let step: TrainStep | undefined
  try {
    step = await create(device, workload, pipeline)
    const counts = countsOf(step, pipeline, step.compiles)
    const samples: PipelineSample[] = []
    const batches = madeUpBatches(workload.config.vocab_size)
    batches(step, 0)
    let loss = Number.NaN
    for (let index = 0; index <= steps; index++) {
      const { loss: after, sample } = await timeStep(step, batches, index)
      loss = after
      if (index === 0) continue
      samples.push({
        step_ms: sample.step,
        device_forward_ms: sample.device_forward,
        device_backward_ms: sample.device_backward,
        host_ms: sample.host + sample.staging + sample.gradient_norm + sample.update,
        compile_ms: sample.compile,
      })
    }
    return { ...counts, loss, samples }
  } catch (error) {
    if (!isRefusal(error)) throw error
    return { refused: reasonOf(error) }
  } finally {
    step?.dispose()
    await step?.settled()
  }
}

/** No process compiles so many programs; a model of speed is not stopped by the budget of a chip. */
const NO_COMPILE_LIMIT = 1_000_000

/** Models every pipeline on one chip; opens and closes the simulator. */
export async function modelPipelines(
  chip: string,
  workload: Workload,
  list: readonly Pipeline[],
): Promise<(ModelledPipeline | Refusal)[]> {
  const device = await openDevice('ane-sim', { chip, compileLimit: NO_COMPILE_LIMIT })
  try {
    const results: (ModelledPipeline | Refusal)[] = []
    for (const pipeline of list) results.push(await modelPipeline(device, chip, workload, pipeline))
    return results
  } finally {
    device.dispose()
  }
}

async function modelPipeline(
  device: Device,
  chip: string,
  workload: Workload,
  pipeline: Pipeline,
): Promise<ModelledPipeline | Refusal> {
  let step: TrainStep | undefined
  try {
    const before = modelledTimes(device)
    step = await create(device, workload, pipeline)
    madeUpBatches(workload.config.vocab_size)(step, 0)
    const compiled = modelledTimes(device)
    await step.evaluate()
    const forward = modelledTimes(device)
    await step.forwardBackward(1024)
    const both = modelledTimes(device)
    const forwardMs = forward.evaluate - compiled.evaluate
    return {
      modelled: true,
      chip,
      forward_ms: forwardMs,
      backward_ms: both.evaluate - forward.evaluate - forwardMs,
      compile_ms: compiled.compile - before.compile,
    }
  } catch (error) {
    if (!isRefusal(error)) throw error
    return { chip, refused: reasonOf(error) }
  } finally {
    step?.dispose()
    await step?.settled()
  }
}

function modelledTimes(device: Device): { compile: number; evaluate: number } {
  const { simulator } = aneStatistics(device) as AneStatistics
  const nanoseconds = simulator?.modelled_nanoseconds as { compile: number; evaluate: number }
  return { compile: nanoseconds.compile / 1e6, evaluate: nanoseconds.evaluate / 1e6 }
}
