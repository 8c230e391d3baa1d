import { type View, view } from '@ane/runtime'
import { hasQueryKeyNorm, type ModelConfig } from './config.js'

/** Weights by checkpoint name, row-major, matrices `[out, in]`, fp32. */
export type Weights = Map<string, Float32Array>

/** Names of one layer's weights below `model.layers.N.`, in the order they are stored. */
export const attentionWeightNames = (config: ModelConfig): string[] => [
  'input_layernorm.weight',
  'self_attn.q_proj.weight',
  'self_attn.k_proj.weight',
  'self_attn.v_proj.weight',
  ...(hasQueryKeyNorm(config) ? ['self_attn.q_norm.weight', 'self_attn.k_norm.weight'] : []),
  'self_attn.o_proj.weight',
]

/** Names of one layer's MLP weights below `model.layers.N.`. */
export const mlpWeightNames = (): string[] => [
  'post_attention_layernorm.weight',
  'mlp.gate_proj.weight',
  'mlp.up_proj.weight',
  'mlp.down_proj.weight',
]

/** Shape of a layer's weight by its name below `model.layers.N.`: `[out, in]` or `[size]`. */
export function layerWeightShape(config: ModelConfig, name: string): readonly number[] {
  const { hidden_size: C, intermediate_size: I, head_dim: D } = config
  const query = config.num_attention_heads * D
  const keyValue = config.num_key_value_heads * D
  const shapes: Record<string, readonly number[]> = {
    'input_layernorm.weight': [C],
    'self_attn.q_proj.weight': [query, C],
    'self_attn.k_proj.weight': [keyValue, C],
    'self_attn.v_proj.weight': [keyValue, C],
    'self_attn.q_norm.weight': [D],
    'self_attn.k_norm.weight': [D],
    'self_attn.o_proj.weight': [C, query],
    'post_attention_layernorm.weight': [C],
    'mlp.gate_proj.weight': [I, C],
    'mlp.up_proj.weight': [I, C],
    'mlp.down_proj.weight': [C, I],
  }
  return shapes[name]
}

/** Every weight the model has with its shape, in checkpoint order; a tied classifier is not listed. */
export function weightShapes(config: ModelConfig): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>()
  shapes.set('model.embed_tokens.weight', [config.vocab_size, config.hidden_size])
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    for (const name of [...attentionWeightNames(config), ...mlpWeightNames()]) {
      shapes.set(`model.layers.${layer}.${name}`, layerWeightShape(config, name))
    }
  }
  shapes.set('model.norm.weight', [config.hidden_size])
  if (!config.tie_word_embeddings) shapes.set('lm_head.weight', [config.vocab_size, config.hidden_size])
  return shapes
}

/** A weight's numbers, or others of its shape, as a matrix: `[out, in]`, norms `[1, size]`. */
export const matrixView = (of: Float32Array, shape: readonly number[]): View =>
  view(of, shape.length === 1 ? { rows: 1, cols: shape[0] } : { rows: shape[0], cols: shape[1] })

/** Number of elements of a shape. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)

/**
 * Checks that `weights` holds exactly the model's weights with the right number of elements.
 *
 * @throws {RangeError} naming the first missing, misshapen or unknown weight
 */
export function checkWeights(config: ModelConfig, weights: ReadonlyMap<string, Float32Array>): void {
  const shapes = weightShapes(config)
  for (const [name, shape] of shapes) {
    const data = weights.get(name)
    if (data === undefined) throw new RangeError(`Expected a weight named ${name}, got none.`)
    if (data.length !== elementCount(shape)) {
      throw new RangeError(`Expected ${elementCount(shape)} elements [${shape}] for ${name}, got ${data.length}.`)
    }
  }
  for (const name of weights.keys()) {
    if (!shapes.has(name)) throw new RangeError(`Expected only weights of the model, got ${name}.`)
  }
}
