import { existsSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type ModelConfig, modelConfig } from '../config.js'
import { FormatError } from '../format-error.js'
import { checkWeights, type Weights, weightShapes } from '../weights.js'
import { writeFolderAtomically } from './atomic-write.js'
import { SafetensorsFile, writeSafetensors } from './safetensors.js'
import type { SafetensorsDtype } from './safetensors-header.js'

/** Configurations and shard indexes beyond this are not model metadata. */
const MAX_JSON_BYTES = 64 << 20

/** Integers would be scaled or packed numbers, whose meaning is not in the file. */
const floats: readonly SafetensorsDtype[] = ['F32', 'F16', 'BF16', 'F64']

const architectures = { llama: 'LlamaForCausalLM', qwen3: 'Qwen3ForCausalLM' } as const

async function readJson(file: string): Promise<Record<string, unknown>> {
  const { size } = await stat(file)
  if (size > MAX_JSON_BYTES) {
    throw new FormatError(`Expected at most ${MAX_JSON_BYTES} bytes of JSON, got ${size}.`, { path: file })
  }
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch (cause) {
    throw new FormatError(`Expected JSON, got something else: ${(cause as Error).message}`, { path: file, cause })
  }
  throw new FormatError('Expected a JSON object, got something else.', { path: file })
}

/** Reads `config.json` of a model folder. @throws {FormatError} if it is no JSON, impossible or unsupported */
export async function readConfig(folder: string): Promise<ModelConfig> {
  const file = path.join(folder, 'config.json')
  const fields = await readJson(file)
  try {
    return modelConfig(fields)
  } catch (cause) {
    throw new FormatError((cause as Error).message, { path: file, cause })
  }
}

/** Which file of the folder holds each tensor. */
async function tensorFiles(folder: string): Promise<Map<string, string> | undefined> {
  if (existsSync(path.join(folder, 'model.safetensors'))) return undefined
  const index = path.join(folder, 'model.safetensors.index.json')
  if (!existsSync(index)) {
    throw new FormatError('Expected model.safetensors or model.safetensors.index.json in the folder, got neither.', {
      path: folder,
    })
  }
  const map = (await readJson(index)).weight_map
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw new FormatError('Expected an object for weight_map, got something else.', { path: index })
  }
  const files = new Map<string, string>()
  for (const [name, file] of Object.entries(map)) {
    if (typeof file !== 'string' || path.basename(file) !== file || !file.endsWith('.safetensors')) {
      throw new FormatError(`Expected a safetensors file name for ${name}, got ${JSON.stringify(file)}.`, {
        path: index,
      })
    }
    files.set(name, file)
  }
  return files
}

const isDerived = (name: string) => name.endsWith('.rotary_emb.inv_freq')

/** Reads every weight of the model, one tensor at a time, widened or rounded to fp32. */
async function readWeights(folder: string, config: ModelConfig): Promise<Weights> {
  const shapes = weightShapes(config)
  const index = await tensorFiles(folder)
  const found: Weights = new Map()
  for (const name of new Set(index?.values() ?? ['model.safetensors'])) {
    const file = await SafetensorsFile.open(path.join(folder, name))
    try {
      for (const { name: tensor, dtype, shape } of file.entries.values()) {
        if (isDerived(tensor)) continue
        if (index !== undefined && index.get(tensor) !== name) {
          throw new FormatError(`Expected ${tensor} in ${index.get(tensor) ?? 'no file'} by the index.`, {
            path: file.path,
          })
        }
        const tiedCopy = config.tie_word_embeddings && tensor === 'lm_head.weight'
        const expected = shapes.get(tiedCopy ? 'model.embed_tokens.weight' : tensor)
        if (expected === undefined)
          throw new FormatError(`Expected only weights of the model, got ${tensor}.`, { path: file.path })
        if (expected.length !== shape.length || expected.some((size, i) => size !== shape[i])) {
          throw new FormatError(`Expected [${expected}] for the shape of ${tensor}, got [${shape}].`, {
            path: file.path,
          })
        }
        if (!floats.includes(dtype)) {
          const hint = 'Quantized weights are not supported.'
          throw new FormatError(
            `Expected one of ${floats.join(', ')} for the dtype of ${tensor}, got ${dtype}. ${hint}`,
            {
              path: file.path,
            },
          )
        }
        found.set(tensor, await file.readFloat32(tensor))
      }
    } finally {
      await file.close()
    }
  }
  const tied = config.tie_word_embeddings ? found.get('lm_head.weight') : undefined
  const embedding = found.get('model.embed_tokens.weight')
  if (tied !== undefined && embedding !== undefined && tied.some((value, i) => !Object.is(value, embedding[i]))) {
    throw new FormatError(
      'Expected lm_head.weight to equal model.embed_tokens.weight, as tie_word_embeddings is true.',
      { path: folder },
    )
  }
  const weights: Weights = new Map()
  for (const name of shapes.keys()) {
    const data = found.get(name)
    if (data === undefined) throw new FormatError(`Expected a weight named ${name}, got none.`, { path: folder })
    weights.set(name, data)
  }
  return weights
}

/** Reads `suppress_tokens` of `generation_config.json`, which a folder need not have. */
async function readSuppressTokens(folder: string, vocabulary: number): Promise<readonly number[] | undefined> {
  const file = path.join(folder, 'generation_config.json')
  if (!existsSync(file)) return undefined
  const ids = (await readJson(file)).suppress_tokens ?? undefined
  const isId = (id: unknown) => Number.isInteger(id) && (id as number) >= 0 && (id as number) < vocabulary
  if (ids === undefined || (Array.isArray(ids) && ids.every(isId))) return ids
  throw new FormatError(`Expected token ids below vocab_size ${vocabulary} for suppress_tokens, got something else.`, {
    path: file,
  })
}

/**
 * Reads a Hugging Face model folder: `config.json`, `model.safetensors`, whole or sharded, and what `generation_config.json`
 * suppresses.
 *
 * @throws {FormatError} if a file is damaged, a weight is missing, misshapen or unknown, or the model is unsupported
 */
export async function readModelFolder(
  folder: string,
): Promise<{ config: ModelConfig; weights: Weights; suppressTokens?: readonly number[] }> {
  const config = await readConfig(folder)
  const suppressTokens = await readSuppressTokens(folder, config.vocab_size)
  return { config, weights: await readWeights(folder, config), ...(suppressTokens && { suppressTokens }) }
}

/** What a model folder holds; `extras` adds files (tokenizer, optimizer, …) to the temporary folder before it is renamed. */
export interface ModelFolderContents {
  readonly config: ModelConfig
  readonly weights: ReadonlyMap<string, Float32Array>
  /** Sampling defaults for `generation_config.json`, Hugging Face names. */
  readonly generationConfig?: Readonly<Record<string, unknown>>
  readonly extras?: (temporary: string) => Promise<void>
}

/**
 * Writes a Hugging Face model folder atomically: `config.json`, `generation_config.json`, `model.safetensors` (F32).
 *
 * @throws {RangeError} if the weights do not fit the configuration; Error if the folder exists and `replace` is not set
 */
export async function saveModelFolder(
  folder: string,
  contents: ModelFolderContents,
  options: { replace?: boolean } = {},
): Promise<void> {
  const { config, weights } = contents
  checkWeights(config, weights)
  const json = (value: object) => `${JSON.stringify(value, null, 2)}\n`
  const { residual_multiplier: residual, ...plain } = config
  const fields = {
    architectures: [architectures[config.model_type]],
    ...plain,
    ...(residual === 1 ? {} : { residual_multiplier: residual }),
    hidden_act: 'silu',
    attention_bias: false,
    torch_dtype: 'float32',
  }
  const ids = { bos_token_id: config.bos_token_id, eos_token_id: config.eos_token_id }
  await writeFolderAtomically(
    folder,
    async (temporary) => {
      await writeFile(path.join(temporary, 'config.json'), json(fields))
      await writeFile(path.join(temporary, 'generation_config.json'), json({ ...ids, ...contents.generationConfig }))
      const tensors = [...weightShapes(config)].map(
        ([name, shape]) => ({ name, dtype: 'F32', shape, data: weights.get(name)! }) as const,
      )
      await writeSafetensors(path.join(temporary, 'model.safetensors'), tensors, { format: 'pt' })
      await contents.extras?.(temporary)
    },
    options,
  )
}
