import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type MemoryEstimate, memoryEstimate, parameterCount } from '@ane/models'
import { type MathMode, openDevice } from '@ane/runtime'
import { formatBytes, formatCount } from '@ane/telemetry'
import { madeUpBatches } from '../bench/batches.js'
import { machine, slope } from '../bench/machine.js'
import type { BenchResult, Findings, Measurement } from '../bench/result.js'
import { runBench } from '../bench/run.js'
import { createStep, timeStep } from '../bench/training.js'
import { asUsage } from '../exit.js'
import { expectMemoryFor } from '../memory.js'
import type { OutputFlags } from '../options/bench-options.js'
import { describeModelDevice } from '../options/device-options.js'
import { presetFlag } from '../options/preset.js'

interface BenchMemoryFlags extends OutputFlags {
  readonly model: string
  readonly seqLen: number
  readonly batchSize: number
  readonly steps: number
  readonly math?: MathMode
  readonly threads?: number
  readonly dtype: 'fp16' | 'fp32'
}

/** At most so many samples of what steps leave behind, evenly apart. */
const SAMPLES = 100
const resident = () => process.memoryUsage.rss()

/**
 * `ane bench memory`: what training steps take of this process, beside the estimate and its parts, and whether it grows from
 * step to step.
 */
export async function benchMemory(flags: BenchMemoryFlags): Promise<void> {
  const { model, seqLen, batchSize, steps, math = 'exact', dtype } = flags
  const config = presetFlag('--model', model)
  const threads = flags.threads ?? machine().cores
  expectMemoryFor(config, { batchSize, seqLen, dtype })
  const measure = async (): Promise<Findings> => {
    const before = resident()
    const device = await asUsage(() => openDevice('cpu', { threads, math }))
    const step = await asUsage(() => createStep(device, { config, batchSize, seqLen, dtype }))
    const batches = madeUpBatches(config.vocab_size)
    batches(step, 0)
    const collectGarbage = garbageCollector()
    const apart = Math.ceil(steps / SAMPLES)
    const afterStep: number[] = []
    for (let index = 0; index < steps; index++) {
      await timeStep(step, batches, index)
      if (index % apart !== 0) continue
      collectGarbage()
      afterStep.push(resident())
    }
    const peak = process.resourceUsage().maxRSS * 1024
    const { kind } = device.description
    step.dispose()
    device.dispose()
    const { total, ...parts } = memoryEstimate(config, { batchSize, seqLen, dtype })
    const bytes = (name: string, value: number): Measurement => ({ name, unit: 'B', samples: [value] })
    const named = (Object.keys(parts) as (keyof Omit<MemoryEstimate, 'total'>)[]).sort((a, b) => parts[b] - parts[a])
    return {
      device: { kind, summary: describeModelDevice(device.description, dtype) },
      limits: {},
      facts: {
        parameters: parameterCount(config),
        tokens_per_step: batchSize * seqLen,
        growth_bytes_per_step: slope(afterStep.slice(afterStep.length >> 1)) / apart,
      },
      measurements: [
        bytes('peak resident', peak),
        bytes('taken by training', peak - before),
        bytes('process before', before),
        { name: 'resident after a step', unit: 'B', samples: afterStep },
        bytes('estimate', total),
        ...named.map((part) => bytes(`estimate: ${part}`, parts[part])),
      ],
    }
  }
  await runBench(
    {
      bench: 'memory',
      settings: { model, seq_len: seqLen, batch_size: batchSize, steps, math, dtype, threads },
      measure,
      describe,
    },
    flags,
  )
}

/** What JavaScript has not collected yet would look like growth. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc')
}

function describe({ settings, facts, measurements }: BenchResult): [string, string][] {
  const samplesOf = (wanted: string) => measurements.find(({ name }) => name === wanted)!.samples
  const of = (wanted: string) => samplesOf(wanted)[0]
  const afterStep = samplesOf('resident after a step')
  const last = afterStep[afterStep.length - 1]
  const [taken, estimate] = [of('taken by training'), of('estimate')]
  const largest = measurements.filter(({ name }) => name.startsWith('estimate: ')).slice(0, 3)
  return [
    ['model', `${settings.model}, ${formatCount(facts.parameters)} parameters, ${facts.tokens_per_step} tokens a step`],
    ['training takes', `${formatBytes(taken)}, ${(taken / estimate).toFixed(2)} times the estimate`],
    [
      'over steps',
      `${formatBytes(afterStep[0])} after the first, ${formatBytes(last)} near the last of ${settings.steps}, growing by ${facts.growth_bytes_per_step.toFixed(0)} bytes a step in the second half`,
    ],
    [
      'largest',
      largest.map(({ name, samples }) => `${name.replace('estimate: ', '')} ${formatBytes(samples[0])}`).join(', '),
    ],
  ]
}
