import { checkTokens } from '../training/tokens.js'
import type { ForwardPass } from './forward-pass.js'
import { createSampler, type SamplingOptions } from './sampling.js'

/** What to generate. */
export interface GenerationOptions extends SamplingOptions {
  /** Token ids to continue, at least one (a beginning-of-text token for an empty prompt). */
  readonly prompt: ArrayLike<number>
  /** Most tokens to add; generation also ends with the token after the model's last position. */
  readonly maxNewTokens: number
  /** Tokens that end the text; they are not yielded. @default [] */
  readonly stopTokens?: readonly number[]
}

/**
 * Continues a prompt, one token id at a time.
 *
 * @throws {RangeError} if the prompt is empty, too long or has unknown tokens, or a sampling option is out of range
 * @example
 * for await (const token of generate(model, { prompt: [1], maxNewTokens: 50 })) tokens.push(token)
 */
export async function* generate(model: ForwardPass, options: GenerationOptions): AsyncGenerator<number, void, void> {
  const { prompt, maxNewTokens, stopTokens = [] } = options
  const sample = createSampler(options)
  if (!Number.isInteger(maxNewTokens) || maxNewTokens < 0) {
    throw new RangeError(`Expected an integer from 0 for max_new_tokens, got ${maxNewTokens}.`)
  }
  const tokens = Array.from(prompt)
  checkTokens(Int32Array.from(tokens), model.config.vocab_size)
  const end = Math.min(tokens.length + maxNewTokens, model.config.max_position_embeddings + 1)
  while (tokens.length < end) {
    const token = sample(await model.lastLogits(tokens))
    if (stopTokens.includes(token)) return
    tokens.push(token)
    yield token
  }
}
