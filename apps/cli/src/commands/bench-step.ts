import { flopsPerToken, type LayersPerProgram, memoryEstimate, parameterCount, type WeightBinding } from '@ane/models'
import type { MathMode } from '@ane/runtime'
import { formatBytes, formatCount } from '@ane/telemetry'
import { type Batches, madeUpBatches, type TextBatches, textBatches } from '../bench/batches.js'
import { LimitSamples } from '../bench/limits.js'
import { machine, summarize } from '../bench/machine.js'
import type { BenchResult, Findings, Measurement } from '../bench/result.js'
import { runBench } from '../bench/run.js'
import { createStep, type StepSample, timeStep, type Workload } from '../bench/training.js'
import { asUsage, UsageError } from '../exit.js'
import { expectMemoryFor } from '../memory.js'
import type { OutputFlags } from '../options/bench-options.js'
import { type DeviceFlags, describeModelDevice, openDeviceFor } from '../options/device-options.js'
import { presetFlag } from '../options/preset.js'

interface BenchStepFlags extends DeviceFlags, OutputFlags {
  readonly model: string
  readonly seqLen: number
  readonly batchSize: number
  readonly steps: number
  readonly data?: string
  readonly compactVocabulary?: number | 'text'
  readonly scaling?: boolean
  readonly math?: MathMode
  readonly threads?: number
  readonly dtype: 'fp16' | 'fp32'
  readonly weights?: WeightBinding
  readonly layersPerProgram: LayersPerProgram
}

const WARM_UP = 2

/** `ane bench step`: forward, backward, clip and AdamW, and where the time goes. */
export async function benchStep(flags: BenchStepFlags): Promise<void> {
  const config = presetFlag('--model', flags.model)
  const text = flags.data === undefined ? undefined : await textBatches(flags.data, config.vocab_size)
  try {
    const compactVocabulary = compactIds(flags, config.vocab_size, text?.used)
    const { batchSize, seqLen, dtype } = flags
    expectMemoryFor(config, { batchSize, seqLen, dtype, vocabulary: compactVocabulary?.length })
    const workload = { config, batchSize, seqLen, dtype, compactVocabulary }
    await runStep(flags, workload, text)
  } finally {
    text?.close()
  }
}

/** @throws {UsageError} if `--compact-vocabulary` does not fit the model or the data */
function compactIds(
  { model, compactVocabulary: given }: BenchStepFlags,
  vocabulary: number,
  used: Int32Array | undefined,
): Int32Array | undefined {
  if (given === undefined) return undefined
  if (given === 'text') {
    if (used === undefined) throw new UsageError('Expected --data with --compact-vocabulary text, got none.')
    return used
  }
  if (used !== undefined) throw new UsageError(`Expected text for --compact-vocabulary with --data, got ${given}.`)
  if (given > vocabulary)
    throw new UsageError(
      `Expected at most ${vocabulary}, the vocabulary of ${model}, for --compact-vocabulary, got ${given}.`,
    )
  return Int32Array.from({ length: given }, (_, id) => id)
}

async function runStep(flags: BenchStepFlags, workload: Workload, text: TextBatches | undefined): Promise<void> {
  const { model, seqLen, batchSize, steps, math = 'exact', dtype, scaling = false } = flags
  const { config, compactVocabulary } = workload
  const threads = flags.threads ?? machine().cores
  const batches = () => text?.batches(seqLen) ?? madeUpBatches(compactVocabulary?.length ?? config.vocab_size)
  await runBench(
    {
      bench: 'step',
      settings: {
        model,
        seq_len: seqLen,
        batch_size: batchSize,
        math,
        dtype,
        threads,
        device: flags.device ?? 'auto',
        layers_per_program: flags.layersPerProgram,
        scaling,
        ...(flags.weights && { weights: flags.weights }),
        ...(flags.chip && { chip: flags.chip }),
        ...(flags.os && { os: flags.os }),
        ...(flags.data !== undefined && { data: flags.data }),
        ...(compactVocabulary && { compact_vocabulary: compactVocabulary.length }),
      },
      measure: async () => {
        const findings = await measureStep(flags, workload, batches(), threads, steps)
        if (!scaling) return findings
        const fewer: Measurement[] = []
        for (let count = 1; count < threads; count++) {
          const { measurements } = await measureStep(flags, workload, batches(), count, steps)
          fewer.push({ ...measurements[0], name: `step on ${count} thread${count === 1 ? '' : 's'}` })
        }
        return { ...findings, measurements: [...findings.measurements, ...fewer] }
      },
      describe: efficiency,
    },
    flags,
  )
}

async function measureStep(
  flags: BenchStepFlags,
  workload: Workload,
  batches: Batches,
  threads: number,
  steps: number,
): Promise<Findings> {
  const { config, batchSize, seqLen, dtype, compactVocabulary } = workload
  const device = await openDeviceFor(flags, { math: flags.math, threads })
  const limits = new LimitSamples({ flops: device.description.arithmetic ?? 'fp32' }, threads)
  const start = performance.now()
  const cut = { binding: flags.weights, layersPerProgram: flags.layersPerProgram }
  const step = await asUsage(() => createStep(device, workload, cut))
  const created = performance.now() - start
  const samples: StepSample[] = []
  const losses: number[] = []
  let distinct = 0
  batches(step, 0)
  for (let index = 0; index < WARM_UP + steps; index++) {
    if (index >= WARM_UP) await limits.take()
    distinct += new Set(step.tokens).size
    const { loss, sample } = await timeStep(step, batches, index)
    losses.push(loss)
    if (index >= WARM_UP) samples.push(sample)
  }
  const { forward, backward } = step.executables
  const flopsOf = (programs: typeof forward) => programs.reduce((sum, { flops }) => sum + flops, 0)
  const tokens = batchSize * seqLen
  const vocabulary = compactVocabulary?.length
  const work: Partial<Record<keyof StepSample, Pick<Measurement, 'flops' | 'tokens'>>> = {
    step: { flops: flopsPerToken(config, seqLen, vocabulary).training * tokens, tokens },
    device_forward: { flops: flopsOf(forward) },
    device_backward: { flops: flopsOf(backward) },
  }
  const { kind } = device.description
  const summary = describeModelDevice(device.description, flags.dtype)
  step.dispose()
  await step.settled()
  device.dispose()
  return {
    device: { kind, summary },
    limits: limits.values,
    facts: {
      parameters: parameterCount(config),
      tokens_per_step: tokens,
      create_ms: created,
      compiles: step.compiles,
      distinct_tokens_per_step: distinct / losses.length,
      first_loss: losses[0],
      last_loss: losses[losses.length - 1],
      memory_estimate_bytes: memoryEstimate(config, { batchSize, seqLen, dtype, vocabulary }).total,
      peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
    },
    measurements: (Object.keys(samples[0]) as (keyof StepSample)[]).map((part) => ({
      name: part,
      unit: 'ms' as const,
      samples: samples.map((sample) => sample[part]),
      ...work[part],
    })),
  }
}

/** The figures hand-written systems print after a run. */
function efficiency({ settings, facts, limits, measurements }: BenchResult): [string, string][] {
  const median = (part: string) => summarize(measurements.find(({ name }) => name === part)!.samples).median
  const flops = (part: keyof StepSample) => measurements.find(({ name }) => name === part)?.flops ?? 0
  const step = median('step')
  const share = (ms: number, whole = step) => `${((100 * ms) / whole).toFixed(1)}%`
  const device = median('device_forward') + median('device_backward')
  const host = median('host') + median('gradient_norm') + median('update')
  const rate = (work: number, ms: number) => `${formatCount((work * 1000) / ms)}FLOP/s`
  const deviceFlops = flops('device_forward') + flops('device_backward')
  const wall = facts.create_ms + measurements[0].samples.reduce((sum, ms) => sum + ms, 0)
  const peak = limits.flops && summarize(limits.flops.samples).median
  const threads = Number(settings.threads)
  const alone = measurements.find(({ name }) => name === 'step on 1 thread')
  return [
    ['model', `${settings.model}, ${formatCount(facts.parameters)} parameters, ${facts.tokens_per_step} tokens a step`],
    [
      'tokens',
      `${facts.distinct_tokens_per_step.toFixed(0)} distinct ones a step${settings.compact_vocabulary ? `, ${settings.compact_vocabulary} in classifier and loss` : ''}`,
    ],
    ['loss', `${facts.first_loss.toFixed(4)} in the first step, ${facts.last_loss.toFixed(4)} in the last`],
    ['speed', `${step.toFixed(1)} ms a step, ${formatCount((facts.tokens_per_step * 1000) / step)} tok/s`],
    [
      'compile and set up',
      `${facts.create_ms.toFixed(0)} ms for ${facts.compiles} programs, ${share(facts.create_ms, wall)} of this run; ${share(median('compile'))} of a step`,
    ],
    ['split', `device ${share(device)}, host ${share(host)}, staging ${share(median('staging'))}`],
    ['throughput', `${rate(flops('step'), step)} in the whole step, ${rate(deviceFlops, device)} on the device`],
    ...(peak
      ? [['utilisation', `${share(flops('step') / step, peak / 1000)} of the processor's peak`] as [string, string]]
      : []),
    ['overhead', `schedule ${share(median('schedule'))}, JavaScript ${share(median('javascript'))}`],
    ...(alone
      ? [
          ['scaling', `${(summarize(alone.samples).median / step).toFixed(2)} times from 1 to ${threads} threads`] as [
            string,
            string,
          ],
        ]
      : []),
    ['memory', `${formatBytes(facts.peak_rss_bytes)} peak, ${formatBytes(facts.memory_estimate_bytes)} estimated`],
  ]
}
