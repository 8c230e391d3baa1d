import {
  createTrainStep,
  flopsPerToken,
  initialWeights,
  memoryEstimate,
  parameterCount,
  type TrainStep,
} from '@ane/models'
import { formatBytes, formatCount } from '@ane/telemetry'
import { type Machine, machine, summarize } from '../bench/machine.js'
import { type DeviceFlags, openDeviceFor } from '../options/device-options.js'
import { integerFlag, layersFlag, wordFlag } from '../options/numbers.js'
import { presetFlag } from '../options/preset.js'
import { print, printFacts, printJson, printTable } from '../terminal/output.js'

interface BenchStepFlags extends DeviceFlags {
  model: string
  seqLen: string
  batchSize: string
  steps: string
  math: string
  dtype: string
  threads?: string
  weights?: string
  layersPerProgram: string
  json?: boolean
}

/** Milliseconds of one whole training step, by part. */
interface StepSample {
  step_ms: number
  device_forward_ms: number
  device_backward_ms: number
  host_ms: number
  staging_ms: number
  gradient_norm_ms: number
  update_ms: number
  javascript_ms: number
}

const WARM_UP = 2

/** `ane bench step`: forward, backward, clip and AdamW on random tokens over the full vocabulary. */
export async function benchStep(flags: BenchStepFlags): Promise<void> {
  const config = presetFlag('--model', flags.model)
  const seqLen = integerFlag('--seq-len', flags.seqLen, 1)
  const batchSize = integerFlag('--batch-size', flags.batchSize, 1)
  const steps = integerFlag('--steps', flags.steps, 1)
  const dtype = wordFlag('--dtype', flags.dtype, ['fp16', 'fp32'])
  const math = wordFlag('--math', flags.math, ['exact', 'fast'])
  const device = await openDeviceFor(flags, { math, threads: flags.threads })
  const trainStep = await createTrainStep(device, config, {
    weights: initialWeights(config, 0),
    batchSize,
    seqLen,
    dtype,
    binding: flags.weights === undefined ? undefined : wordFlag('--weights', flags.weights, ['packed', 'inputs']),
    layersPerProgram: layersFlag('--layers-per-program', flags.layersPerProgram),
  })
  const samples: StepSample[] = []
  for (let step = 0; step < WARM_UP + steps; step++) {
    const sample = await timeStep(trainStep, config.vocab_size, step)
    if (step >= WARM_UP) samples.push(sample)
  }
  const flops = flopsPerToken(config, seqLen).training * batchSize * seqLen
  const result = {
    model: flags.model,
    parameters: parameterCount(config),
    tokens_per_step: batchSize * seqLen,
    flops_per_step: flops,
    device: device.description,
    dtype,
    machine: machine(),
    memory_estimate_bytes: memoryEstimate(config, { batchSize, seqLen, dtype }).total,
    peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
    samples,
  }
  trainStep.dispose()
  device.dispose()
  if (flags.json) printJson(result)
  else showResult(result)
}

async function timeStep(trainStep: TrainStep, vocabSize: number, step: number): Promise<StepSample> {
  const start = performance.now()
  for (let i = 0; i < trainStep.tokens.length; i++) {
    trainStep.tokens[i] = (i * 7919 + step * 104729) % vocabSize
    trainStep.targets[i] = (i * 15485863 + step * 32452843) % vocabSize
  }
  const { times } = await trainStep.forwardBackward(1024)
  const normStart = performance.now()
  const norm = await trainStep.gradNorm()
  const normMs = performance.now() - normStart
  const gradScale = Math.min(1, 1024 / (norm + 1e-6)) / 1024
  const hyper = { learningRate: 1e-4, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1 }
  const updateMs = await trainStep.adamw({
    ...hyper,
    step: step + 1,
    gradScale,
  })
  const total = performance.now() - start
  return {
    step_ms: total,
    device_forward_ms: times.device_forward,
    device_backward_ms: times.device_backward,
    host_ms: times.host,
    staging_ms: times.staging,
    gradient_norm_ms: normMs,
    update_ms: updateMs,
    javascript_ms:
      total - times.device_forward - times.device_backward - times.host - times.staging - normMs - updateMs,
  }
}

function showResult(result: {
  model: string
  parameters: number
  tokens_per_step: number
  flops_per_step: number
  device: { summary: string; math: string }
  dtype: string
  machine: Machine
  memory_estimate_bytes: number
  peak_rss_bytes: number
  samples: StepSample[]
}): void {
  const { samples } = result
  const parts = Object.keys(samples[0]) as (keyof StepSample)[]
  const median = summarize(samples.map(({ step_ms }) => step_ms)).median
  printFacts([
    ['machine', `${result.machine.cpu}, ${result.machine.cores} cores`],
    ['device', `${result.device.summary}, ${result.device.math} math, ${result.dtype} graph`],
    ['model', `${result.model}, ${formatCount(result.parameters)} parameters, ${result.tokens_per_step} tokens a step`],
    [
      'speed',
      `${formatCount((result.flops_per_step * 1000) / median)}FLOP/s, ${formatCount((result.tokens_per_step * 1000) / median)} tok/s`,
    ],
    ['memory', `${formatBytes(result.peak_rss_bytes)} peak, ${formatBytes(result.memory_estimate_bytes)} estimated`],
  ])
  print()
  printTable(
    parts.map((part) => {
      const { median: middle, least, most } = summarize(samples.map((sample) => sample[part]))
      const share = `${((100 * middle) / median).toFixed(1)}%`
      return {
        part: part.replace(/_ms$/, ''),
        'median ms': middle.toFixed(2),
        min: least.toFixed(2),
        max: most.toFixed(2),
        share,
      }
    }),
  )
}
