import { ForwardPass, flopsPerToken, initialWeights, type ModelConfig, parameterCount } from '@ane/models'
import { type Device, type MathMode, openDevice } from '@ane/runtime'
import { formatBytes, formatCount } from '@ane/telemetry'
import { LimitSamples } from '../bench/limits.js'
import { machine, summarize } from '../bench/machine.js'
import { recordOneToken } from '../bench/one-token.js'
import type { Findings, Measurement } from '../bench/result.js'
import { runBench } from '../bench/run.js'
import { asUsage, UsageError } from '../exit.js'
import type { OutputFlags } from '../options/bench-options.js'
import { presetFlag } from '../options/preset.js'

interface BenchDecodeFlags extends OutputFlags {
  readonly model: string
  readonly rounds: number
  readonly prefill?: number
  readonly math?: MathMode
  readonly threads?: number
}

/** Tokens of one round: one alone is too short to time beside what wakes the threads. */
const TOKENS = 8

/** `ane bench decode`: one token at a time through every weight, held against the memory's bandwidth; and a prompt. */
export async function benchDecode(flags: BenchDecodeFlags): Promise<void> {
  const { model, rounds, prefill, math = 'exact' } = flags
  const config = presetFlag('--model', model)
  if ((prefill ?? 1) > config.max_position_embeddings)
    throw new UsageError(
      `Expected at most ${config.max_position_embeddings} (max_position_embeddings) for --prefill, got ${prefill}.`,
    )
  const threads = flags.threads ?? machine().cores
  const measure = async (): Promise<Findings> => {
    const device = await asUsage(() => openDevice('cpu', { threads, math }))
    try {
      const { kind, summary, arithmetic = 'fp32' } = device.description
      const bounds = { ...(prefill !== undefined && { flops: arithmetic }), memory: true }
      const limits = new LimitSamples(bounds, threads)
      const decoded = await decode(device, config, rounds, limits)
      const prompt = prefill === undefined ? [] : [await prompted(device, config, prefill, rounds)]
      return {
        device: { kind, summary: `${summary}, ${math} math, fp16 weights` },
        limits: limits.values,
        facts: { parameters: parameterCount(config), weight_bytes: decoded[0].reads! },
        measurements: [...decoded, ...prompt],
      }
    } finally {
      device.dispose()
    }
  }
  await runBench(
    {
      bench: 'decode',
      settings: { model, math, threads, ...(prefill !== undefined && { prefill }) },
      measure,
      describe: ({ facts, limits }) => {
        const bound = summarize(limits.read!).median / facts.weight_bytes
        return [
          [
            'model',
            `${model}, ${formatCount(facts.parameters)} parameters, ${formatBytes(facts.weight_bytes)} of fp16 weights`,
          ],
          ['bound', `${bound.toFixed(1)} tok/s if reading every weight once took all of the time`],
        ]
      },
    },
    flags,
  )
}

async function decode(
  device: Device,
  config: ModelConfig,
  rounds: number,
  limits: LimitSamples,
): Promise<Measurement[]> {
  const { schedule, weightBytes, flops } = await recordOneToken(device, config)
  await schedule.execute()
  const [token, layers, classifier]: number[][] = [[], [], []]
  for (let round = 0; round < rounds; round++) {
    await limits.take()
    let [total, last] = [0, 0]
    for (let i = 0; i < TOKENS; i++) {
      const times = await schedule.execute()
      total += times.total
      last += times.entries[times.entries.length - 1]
    }
    token.push(total / TOKENS)
    layers.push((total - last) / TOKENS)
    classifier.push(last / TOKENS)
  }
  const headBytes = 2 * config.vocab_size * config.hidden_size
  return [
    { name: 'token', unit: 'ms', samples: token, reads: weightBytes, flops, tokens: 1 },
    { name: 'layers', unit: 'ms', samples: layers, reads: weightBytes - headBytes },
    { name: 'classifier', unit: 'ms', samples: classifier, reads: headBytes },
  ]
}

async function prompted(device: Device, config: ModelConfig, tokens: number, rounds: number): Promise<Measurement> {
  const pass = new ForwardPass(device, config, { weights: initialWeights(config, 0) })
  const samples: number[] = []
  for (let round = -1; round < rounds; round++) {
    const prompt = Int32Array.from({ length: tokens }, (_, i) => (i * 7919 + round + 1) % config.vocab_size)
    const start = performance.now()
    await pass.lastLogits(prompt)
    if (round >= 0) samples.push(performance.now() - start)
  }
  pass.dispose()
  const { hidden_size, vocab_size } = config
  const flops = flopsPerToken(config, tokens).forward * tokens - 2 * hidden_size * vocab_size * (tokens - 1)
  return { name: `prefill of ${tokens}`, unit: 'ms', samples, flops, tokens }
}
