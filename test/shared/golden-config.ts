import { type ModelConfig, modelConfig } from '@ane/models'

/** A configuration as the golden files spell it. */
export interface GoldenConfig {
  dim: number
  n_layers: number
  n_heads: number
  n_kv_heads: number
  hidden: number
  vocab: number
  seq: number
  head_dim: number
  rope: 'interleaved' | 'half'
  rope_theta: number
  norm_eps: number
  qk_norm: boolean
  tied: boolean
}

/** Translates a golden configuration. */
export const goldenConfig = (golden: GoldenConfig): ModelConfig =>
  modelConfig({
    model_type: golden.qk_norm ? 'qwen3' : 'llama',
    hidden_size: golden.dim,
    intermediate_size: golden.hidden,
    num_hidden_layers: golden.n_layers,
    num_attention_heads: golden.n_heads,
    num_key_value_heads: golden.n_kv_heads,
    head_dim: golden.head_dim,
    vocab_size: golden.vocab,
    max_position_embeddings: golden.seq,
    rms_norm_eps: golden.norm_eps,
    rope_theta: golden.rope_theta,
    tie_word_embeddings: golden.tied,
  })
