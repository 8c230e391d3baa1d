import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Checkpoint,
  initialWeights,
  loadCheckpoint,
  type ModelConfig,
  memoryEstimate,
  modelConfig,
  parameterCount,
  presets,
  type Weights,
} from '@ane/models'
import { formatBytes } from '@ane/telemetry'
import { loadTokenizer, type Tokenizer } from '@ane/tokenizer'
import { type PreparedData, prepareData, type TrainingOptions, trainingOptions, usedTokens } from '@ane/train'
import { checkpointOf } from '../checkpoint-target.js'
import { asUsage, UsageError } from '../exit.js'
import type { StepSizes } from '../memory.js'
import { didYouMean } from '../options/table.js'
import type { Settings } from './settings.js'

/** Everything about a run that is known before a device is opened. */
export interface TrainSetup {
  readonly modelName: string
  readonly config: ModelConfig
  /** Reads or draws the weights a new run starts from. */
  weights(): Weights
  readonly data: PreparedData
  readonly options: TrainingOptions
  readonly dtype: 'fp16' | 'fp32'
  /** Token ids that classifier and loss are limited to. */
  readonly compactVocabulary?: Int32Array
}

/** What the model starts from, before the data is known. */
export interface ModelChoice {
  readonly name: string
  readonly config: ModelConfig
  readonly checkpoint?: Checkpoint
}

/** @throws {UsageError} for an unknown preset, a missing path or an impossible clipping */
export async function chooseModel(settings: Settings): Promise<ModelChoice> {
  const init = settings.init === 'scratch' ? undefined : (settings.init as string | undefined)
  const checkpoint = init === undefined ? undefined : await loadCheckpoint(await checkpointOf(init))
  const model = settings.model as string | undefined
  if (model === undefined) {
    if (checkpoint) return { name: 'checkpoint', config: await clipped(checkpoint.config, settings), checkpoint }
    return { name: 'tiny', config: await clipped(presets.tiny, settings) }
  }
  const config = await clipped(namedConfig(model), settings)
  if (checkpoint) {
    const shape = (c: ModelConfig) =>
      JSON.stringify([c.hidden_size, c.num_hidden_layers, c.intermediate_size, c.head_dim])
    if (shape(config) !== shape(checkpoint.config))
      throw new UsageError(
        `Expected --model ${model} to have the shape of --init ${init}, got another. Leave --model out.`,
      )
    return { name: model, config: await clipped(checkpoint.config, settings), checkpoint }
  }
  return { name: existsSync(model) ? 'model' : model, config }
}

/** The configuration with the clipping the user asks for, which then belongs to the model. */
async function clipped(config: ModelConfig, { activationClip }: Settings): Promise<ModelConfig> {
  return activationClip === undefined
    ? config
    : asUsage(() => modelConfig({ ...config, activation_clip: activationClip }))
}

function namedConfig(model: string): ModelConfig {
  if (Object.hasOwn(presets, model)) return presets[model]
  if (!existsSync(model)) {
    const names = Object.keys(presets)
    throw new UsageError(
      `Expected a model preset (${names.join(', ')}) or a config.json for --model, got ${model}.${didYouMean(model, names)}`,
    )
  }
  const path = model.endsWith('.json') ? model : join(model, 'config.json')
  if (!existsSync(path)) throw new UsageError(`Expected a config.json for --model, got ${model}.`)
  try {
    return modelConfig(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    throw new UsageError(`${(error as Error).message} (${path})`, { cause: error })
  }
}

/** Options of the loop, defaults chosen by model and data. @throws {UsageError} if one makes no sense */
export async function chooseOptions(settings: Settings, config: ModelConfig): Promise<TrainingOptions> {
  const positions = config.max_position_embeddings
  const builtIn = settings.data === undefined
  const seqLen = (settings.seqLen as number | undefined) ?? Math.min(builtIn ? 128 : 256, positions)
  if (seqLen > positions)
    throw new UsageError(
      `Expected at most ${positions} (max_position_embeddings of the model) for --seq-len, got ${seqLen}. Longer sequences have no rotary positions.`,
    )
  const maxSteps = (settings.maxSteps as number | undefined) ?? 1000
  const byName = Object.fromEntries(
    Object.entries(settings).filter(([, value]) => value !== undefined),
  ) as Partial<TrainingOptions>
  return asUsage(() =>
    trainingOptions({
      batchSize: builtIn ? 8 : 1,
      learningRate: config.hidden_size <= 192 ? 3e-3 : config.hidden_size <= 384 ? 1e-3 : 4e-4,
      warmupSteps: Math.min(maxSteps, Math.ceil(maxSteps * 0.05)),
      ...(settings.dtype === 'fp32' && { lossScale: 1 }),
      ...byName,
      maxSteps,
      seqLen,
    }),
  )
}

/** The tokenizer the user names, or that of the checkpoint. */
export async function chooseTokenizer(settings: Settings, model: ModelChoice): Promise<Tokenizer | undefined> {
  const path = (settings.tokenizer as string | undefined) ?? model.checkpoint?.tokenizerPath
  return path === undefined ? undefined : loadTokenizer(path)
}

/** Prepares data below the run folder and fits model and vocabulary together. @throws {UsageError} if they do not fit */
export async function prepare(settings: Settings, model: ModelChoice, runFolder: string): Promise<TrainSetup> {
  const options = await chooseOptions(settings, model.config)
  const path = settings.data as string | undefined
  if (path !== undefined && !existsSync(path))
    throw new UsageError(`Expected text or shards for --data, got ${path}, which does not exist.`)
  const tokenizer = await chooseTokenizer(settings, model)
  if (model.checkpoint && tokenizer === undefined)
    throw new UsageError('Expected a tokenizer beside the checkpoint of --init, got none. Name it with --tokenizer.')
  const data = await prepareData({
    data: path,
    tokenizer,
    vocabSize: settings.vocabSize as number | undefined,
    seed: options.seed,
    folder: join(runFolder, 'data'),
  })
  const config = fitVocabulary(model, data.tokenizer)
  const weights = () => model.checkpoint?.weights ?? initialWeights(config, options.seed)
  const dtype = settings.dtype === 'fp32' ? 'fp32' : 'fp16'
  const compactVocabulary = settings.compactVocabulary ? usedTokens(data.tokens) : undefined
  return { modelName: model.name, config, weights, data, options, dtype, compactVocabulary }
}

/** A new model takes the vocabulary of its tokenizer; a checkpoint keeps its own, which must be large enough. */
function fitVocabulary(model: ModelChoice, tokenizer: Tokenizer): ModelConfig {
  const { config, checkpoint } = model
  const { vocabSize, bosId, eosId } = tokenizer
  if (checkpoint) {
    if (vocabSize <= config.vocab_size) return config
    throw new UsageError(
      `Expected a tokenizer of at most ${config.vocab_size} tokens (vocab_size of --init), got ${vocabSize}.`,
    )
  }
  return modelConfig({ ...config, vocab_size: vocabSize, bos_token_id: bosId, eos_token_id: eosId })
}

/** What the memory of the run depends on. */
export const memorySizes = ({ options, dtype, compactVocabulary }: TrainSetup): StepSizes => ({
  batchSize: options.batchSize,
  seqLen: options.seqLen,
  dtype,
  vocabulary: compactVocabulary?.length,
})

/** The memory of the run, for people. */
export function memoryText(config: ModelConfig, sizes: StepSizes): string {
  const { total, parameters, gradients, moments } = memoryEstimate(config, sizes)
  return `about ${formatBytes(total)} (${formatBytes(parameters + gradients + moments)} for weights, gradients and moments)`
}

export const parametersOf = (setup: TrainSetup): number => parameterCount(setup.config)
