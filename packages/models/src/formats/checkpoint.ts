import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { ModelConfig } from '../config.js'
import { FormatError } from '../format-error.js'
import type { Weights } from '../weights.js'
import { readModelFolder } from './huggingface.js'
import { readLlama2c } from './llama2c.js'

/** A model as read from disk, whatever its format: Hugging Face names, fp32, rotate-half order. */
export interface Checkpoint {
  readonly kind: 'huggingface' | 'llama2c-legacy' | 'llama2c-v1'
  readonly config: ModelConfig
  readonly weights: Weights
  /** Ids that `generation_config.json` says are never to be generated. */
  readonly suppressTokens?: readonly number[]
  /** The tokenizer beside the weights, if there is one. */
  readonly tokenizerPath?: string
}

const tokenizerNames = ['tokenizer.json', 'tokenizer.model', 'tokenizer.bin']

/**
 * Reads a checkpoint: a Hugging Face folder (or its `config.json` or `.safetensors` file) or a llama2.c `.bin` file.
 *
 * @throws {FormatError} with path and byte offset if nothing supported is there or the file is damaged
 */
export async function loadCheckpoint(target: string): Promise<Checkpoint> {
  let folder = target
  try {
    if ((await stat(target)).isFile()) folder = path.dirname(target)
  } catch (cause) {
    throw new FormatError('Expected a model folder or file, got nothing there.', { path: target, cause })
  }
  const tokenizer = tokenizerNames.map((name) => path.join(folder, name)).find((file) => existsSync(file))
  const beside = tokenizer === undefined ? {} : { tokenizerPath: tokenizer }
  if (folder !== target && target.endsWith('.bin')) {
    const { config, weights, version } = await readLlama2c(target)
    return { kind: `llama2c-${version}`, config, weights, ...beside }
  }
  if (folder !== target && !/(^|\.)(safetensors|json)$/.test(path.basename(target))) {
    throw new FormatError('Expected a model folder, a .safetensors or a llama2.c .bin file.', { path: target })
  }
  if (!existsSync(path.join(folder, 'config.json'))) {
    throw new FormatError('Expected a config.json in the model folder, got none.', { path: folder })
  }
  return { kind: 'huggingface', ...(await readModelFolder(folder)), ...beside }
}
