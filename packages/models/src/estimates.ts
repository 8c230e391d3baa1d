import type { ModelConfig } from './config.js'
import { logitBlocks } from './training/classifier.js'
import { elementCount, weightShapes } from './weights.js'

/** Number of trainable parameters; tied embeddings count once. */
export function parameterCount(config: ModelConfig): number {
  let count = 0
  for (const shape of weightShapes(config).values()) count += elementCount(shape)
  return count
}

/**
 * Floating-point operations of the matrix products per token: `forward`, and `training` = forward + both gradients.
 *
 * Counts two operations per multiply-add; causal attention is counted in full, as it is computed. The classifier has a row for
 * each id of a `vocabulary`.
 */
export function flopsPerToken(
  config: ModelConfig,
  seqLen: number,
  vocabulary = config.vocab_size,
): { forward: number; training: number } {
  const C = config.hidden_size
  const query = config.num_attention_heads * config.head_dim
  const keyValue = config.num_key_value_heads * config.head_dim
  const layer = 2 * C * query + 2 * C * keyValue + 3 * C * config.intermediate_size + 2 * seqLen * query
  const forward = 2 * (config.num_hidden_layers * layer + C * vocabulary)
  return { forward, training: 3 * forward }
}

/** Bytes by purpose. */
export interface MemoryEstimate {
  readonly parameters: number
  readonly gradients: number
  readonly moments: number
  /** Copies of the weights the device reads, in the programs' type. */
  readonly staged: number
  readonly activations: number
  readonly logits: number
  readonly total: number
}

/**
 * Memory a training step or, with `training: false`, a forward pass takes, without the process itself.
 *
 * fp32 masters, gradients and two moments; weights and saved activations in `dtype`; fp32 logits, all of them in a forward pass.
 */
export function memoryEstimate(
  config: ModelConfig,
  options: { batchSize: number; seqLen: number; dtype?: 'fp16' | 'fp32'; training?: boolean; vocabulary?: number },
): MemoryEstimate {
  const { batchSize, seqLen, dtype = 'fp16', training = true, vocabulary = config.vocab_size } = options
  const size = dtype === 'fp16' ? 2 : 4
  const S = batchSize * seqLen
  const C = config.hidden_size
  const count = parameterCount(config)
  const query = config.num_attention_heads * config.head_dim
  const keyValue = config.num_key_value_heads * config.head_dim
  const perLayer = 4 * C + 2 * query + 2 * keyValue + 2 * config.intermediate_size
  const scores = config.num_attention_heads * batchSize * seqLen * seqLen
  const { blocks, width } = logitBlocks(S, vocabulary)
  const estimate = {
    parameters: 4 * count,
    gradients: training ? 4 * count : 0,
    moments: training ? 8 * count : 0,
    staged: size * count,
    activations: size * ((training ? config.num_hidden_layers + 1 : 1) * perLayer * S + 2 * scores),
    logits: training ? 4 * S * blocks * width : 4 * S * vocabulary,
  }
  return { ...estimate, total: Object.values(estimate).reduce((sum, bytes) => sum + bytes, 0) }
}
