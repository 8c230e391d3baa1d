import type { Device } from '@ane/runtime'
import type { ModelConfig } from '../config.js'
import { checkTokens } from '../tokens.js'
import { ForwardPass, type ForwardPassOptions } from './forward-pass.js'
import { createSampler, type SamplerOptions } from './sampling.js'

/** How a text is continued. */
export interface ContinuationOptions extends SamplerOptions {
  /** Most tokens to add. Generation also ends with the token after the model's last position. @default no limit */
  readonly maxTokens?: number
  /** Tokens that end the text; they are not yielded. @default [] */
  readonly stopTokens?: readonly number[]
}

/** How text is generated: sampling, and how the model is run. */
export interface SamplingOptions extends ContinuationOptions, Omit<ForwardPassOptions, 'weights'> {}

/**
 * Continues a prompt with a forward pass the caller keeps, one token id at a time.
 *
 * @throws {RangeError} if the prompt is empty, too long or has unknown tokens, or an option is out of range
 */
export async function* continueTokens(
  model: ForwardPass,
  prompt: ArrayLike<number>,
  options: ContinuationOptions = {},
): AsyncGenerator<number, void, void> {
  const { maxTokens = Number.MAX_SAFE_INTEGER, stopTokens = [] } = options
  const sample = createSampler(options)
  if (!Number.isInteger(maxTokens) || maxTokens < 0) {
    throw new RangeError(`Expected an integer from 0 for max_tokens, got ${maxTokens}.`)
  }
  const tokens = Array.from(prompt)
  checkTokens(tokens, model.config.vocab_size)
  const end = Math.min(tokens.length + maxTokens, model.config.max_position_embeddings + 1)
  while (tokens.length < end) {
    const token = sample(await model.lastLogits(tokens))
    if (stopTokens.includes(token)) return
    tokens.push(token)
    yield token
  }
}

/**
 * Continues a prompt (at least one token id), one token id at a time; greedy unless a temperature is given.
 *
 * Compiles the model when the first token is asked for and frees it at the end, also when the loop is left early.
 *
 * @throws {RangeError} if the prompt is empty, too long or has unknown tokens, an option is out of range or the weights do
 * not fit
 * @throws {AneError} if the device refuses a program
 * @example
 * for await (const token of generate(device, { config, weights }, [1], { maxTokens: 50 })) tokens.push(token)
 */
export async function* generate(
  device: Device,
  model: { readonly config: ModelConfig; readonly weights: ReadonlyMap<string, Float32Array> },
  prompt: ArrayLike<number>,
  options: SamplingOptions = {},
): AsyncGenerator<number, void, void> {
  const pass = new ForwardPass(device, model.config, { ...options, weights: model.weights })
  try {
    yield* continueTokens(pass, prompt, options)
  } finally {
    pass.dispose()
  }
}
