import { type ModelConfig, modelConfig } from './config.js'

const stories = (hidden: number, intermediate: number, layers: number, heads: number, positions: number) =>
  modelConfig({
    model_type: 'llama',
    hidden_size: hidden,
    intermediate_size: intermediate,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    vocab_size: 32000,
    max_position_embeddings: positions,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: true,
    bos_token_id: 1,
    eos_token_id: 2,
  })

/** Named model shapes: the TinyStories family of llama2.c, Qwen3-0.6B, and `tiny` for the built-in data. */
export const presets: Readonly<Record<string, ModelConfig>> = {
  tiny: modelConfig({
    model_type: 'llama',
    hidden_size: 160,
    intermediate_size: 432,
    num_hidden_layers: 4,
    num_attention_heads: 5,
    num_key_value_heads: 5,
    head_dim: 32,
    vocab_size: 2048,
    max_position_embeddings: 256,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: true,
  }),
  stories260k: modelConfig({
    model_type: 'llama',
    hidden_size: 64,
    intermediate_size: 172,
    num_hidden_layers: 5,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    vocab_size: 512,
    max_position_embeddings: 512,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: true,
    bos_token_id: 1,
    eos_token_id: 2,
  }),
  stories15m: stories(288, 768, 6, 6, 256),
  stories42m: stories(512, 1376, 8, 8, 1024),
  stories110m: stories(768, 2048, 12, 12, 1024),
  'qwen3-0.6b': modelConfig({
    model_type: 'qwen3',
    hidden_size: 1024,
    intermediate_size: 3072,
    num_hidden_layers: 28,
    num_attention_heads: 16,
    num_key_value_heads: 8,
    head_dim: 128,
    vocab_size: 151936,
    max_position_embeddings: 40960,
    rms_norm_eps: 1e-6,
    rope_theta: 1000000,
    tie_word_embeddings: true,
    bos_token_id: 151643,
    eos_token_id: 151645,
  }),
}

/** The names `preset` knows, in the order of their size. */
export const presetNames = (): string[] => Object.keys(presets)

/**
 * The configuration of that name.
 *
 * @throws {RangeError} listing the known names if there is none
 */
export function preset(name: string): ModelConfig {
  if (!Object.hasOwn(presets, name)) {
    throw new RangeError(`Expected one of ${presetNames().join(', ')} for the model preset, got ${name}.`)
  }
  return presets[name]
}
