import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  flopsPerToken,
  loadCheckpoint,
  type ModelConfig,
  memoryEstimate,
  parameterCount,
  presets,
  type Weights,
  weightShapes,
} from '@ane/models'
import { formatBytes, formatCount } from '@ane/telemetry'
import { readRun, readTrainerState } from '@ane/train'
import { checkpointOf } from '../checkpoint-target.js'
import { UsageError } from '../exit.js'
import { didYouMean } from '../options/table.js'
import { print, printFacts, printJson, printTable, style } from '../terminal/output.js'

interface InfoFlags {
  seqLen?: number
  batchSize: number
  json?: boolean
}

/** `ane info`: presets, or one model with its size and cost. */
export async function info(target: string | undefined, flags: InfoFlags): Promise<void> {
  if (target === undefined) return listPresets(flags.json === true)
  if (Object.hasOwn(presets, target)) return describeModel(target, presets[target], flags)
  if (!existsSync(target))
    throw new UsageError(
      `Expected a model preset or a path, got ${target}.${didYouMean(target, Object.keys(presets)) || ` Presets: ${Object.keys(presets).join(', ')}.`}`,
    )
  const path = await checkpointOf(target)
  const { kind, config, weights, tokenizerPath } = await loadCheckpoint(path)
  const facts: [string, string][] = [
    ['path', path],
    ['format', kind],
    ['tokenizer', tokenizerPath ?? 'none beside it'],
  ]
  if (existsSync(join(path, 'trainer_state.json'))) {
    const state = readTrainerState(path)
    facts.push(['step', String(state.step)], ['tokens seen', formatCount(state.tokens)])
    if (state.bestEvalLoss !== null) facts.push(['best validation loss', state.bestEvalLoss.toFixed(4)])
  }
  if (existsSync(join(target, 'run.json'))) facts.push(['run started', readRun(target).created])
  describeModel(target, config, flags, facts, weights)
}

function listPresets(json: boolean): void {
  const rows = Object.entries(presets).map(([name, config]) => ({
    preset: name,
    parameters: parameterCount(config),
    layers: config.num_hidden_layers,
    hidden: config.hidden_size,
    heads: `${config.num_attention_heads}/${config.num_key_value_heads}`,
    vocabulary: config.vocab_size,
  }))
  if (json) printJson(rows)
  else printTable(rows.map((row) => ({ ...row, parameters: formatCount(row.parameters) })))
}

function describeModel(
  name: string,
  config: ModelConfig,
  flags: InfoFlags,
  facts: readonly (readonly [string, string])[] = [],
  weights?: Weights,
): void {
  const positions = config.max_position_embeddings
  const { seqLen = Math.min(256, positions), batchSize } = flags
  if (seqLen > positions)
    throw new UsageError(`Expected at most ${positions} (max_position_embeddings) for --seq-len, got ${seqLen}.`)
  const memory = memoryEstimate(config, { batchSize, seqLen })
  const flops = flopsPerToken(config, seqLen)
  if (flags.json) {
    const statistics = weights && Object.fromEntries([...weights].map(([key, data]) => [key, weightStatistics(data)]))
    printJson({
      name,
      ...Object.fromEntries(facts),
      config,
      parameters: parameterCount(config),
      flops_per_token: flops,
      memory_bytes: memory,
      ...(statistics && { weights: statistics }),
    })
    return
  }
  print(style('bold', name))
  printFacts([
    ...facts,
    ['parameters', `${formatCount(parameterCount(config))} (${parameterCount(config)})`],
    ['training', `${formatCount(flops.training)}FLOP per token at --seq-len ${seqLen}`],
    [
      'memory to train',
      `${formatBytes(memory.total)} at --batch-size ${batchSize} (weights, gradients and moments ${formatBytes(memory.parameters + memory.gradients + memory.moments)})`,
    ],
  ])
  print()
  printTable(Object.entries(config).map(([field, value]) => ({ field, value: String(value) })))
  if (!weights) return
  print()
  const shapes = weightShapes(config)
  printTable(
    [...weights].map(([weight, data]) => {
      const { mean, std } = weightStatistics(data)
      return {
        weight,
        shape: (shapes.get(weight) ?? []).join('×'),
        mean: mean.toExponential(2),
        std: std.toExponential(2),
      }
    }),
  )
}

function weightStatistics(data: Float32Array): { mean: number; std: number } {
  let sum = 0
  let squares = 0
  for (let i = 0; i < data.length; i++) {
    sum += data[i]
    squares += data[i] * data[i]
  }
  const mean = sum / data.length
  return { mean, std: Math.sqrt(Math.max(0, squares / data.length - mean * mean)) }
}
