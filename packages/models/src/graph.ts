/**
 * The forward graph of one transformer layer in two half-blocks, in `[1, C, 1, S]` layout.
 *
 * S = batch_size · seq_len columns, column b · T + t. Legend: `B` batch, `T` sequence, `H` query heads, `K` KV heads,
 * `G` = H / K query heads per KV head, `D` head_dim, `C` hidden_size.
 */
import { type Builder, linear, rmsNorm, ropeHalf, silu, type Value } from '@ane/mil'
import { hasQueryKeyNorm, type ModelConfig } from './config.js'
import { causalMask, rotaryTables } from './position-tables.js'

/** Element type of a model's programs. */
export type ModelDtype = 'fp16' | 'fp32'

/** What the text of a program depends on besides the configuration. */
export interface GraphOptions {
  readonly batchSize: number
  readonly seqLen: number
  readonly dtype: ModelDtype
}

/** Constants that depend on positions only; one set per program. */
export interface PositionConstants {
  /** `[1, 1, D / 2, S]`. */
  readonly cos: Value
  readonly sin: Value
  /** `[1, 1, T, T]` (query, key), added to the scores. */
  readonly mask: Value
}

/** Everything a half-block needs to write itself. */
export interface GraphContext extends GraphOptions {
  readonly b: Builder
  readonly config: ModelConfig
  /** The half-block's normed input where the host computes it. */
  readonly normed?: Value
  /** Whether the host adds the half-block's result to the residual stream. */
  readonly hostResidual: boolean
  /** The program's position constants. */
  positions(): PositionConstants
  /** Declares the weight as an input: matrices `[1, out, 1, in]`, norms `[1, size, 1, 1]`. */
  weight(name: string): Value
  /** Marks a value that the backward pass reads rather than recomputes, and returns it. */
  tap(value: Value): Value
}

/** Writes the position constants of a program. */
export function positionConstants(b: Builder, config: ModelConfig, options: GraphOptions): PositionConstants {
  const { batchSize, seqLen, dtype } = options
  const { cos, sin } = rotaryTables(config, batchSize, seqLen)
  const shape = [1, 1, config.head_dim / 2, batchSize * seqLen]
  return {
    cos: b.constant(dtype, shape, cos, 'rope_cos'),
    sin: b.constant(dtype, shape, sin, 'rope_sin'),
    mask: b.constant(dtype, [1, 1, seqLen, seqLen], causalMask(seqLen), 'causal_mask'),
  }
}

/** One head's normalisation and rotation: [1, heads · D, 1, S] → [1, heads, D, S]. */
function prepareHeads(context: GraphContext, x: Value, heads: number, norm: string): Value {
  const { b, config, batchSize, seqLen } = context
  const D = config.head_dim
  let split = b.reshape({ x, shape: [1, heads, D, batchSize * seqLen] })
  if (hasQueryKeyNorm(config)) {
    split = rmsNorm(b, split, context.weight(`self_attn.${norm}.weight`), {
      eps: config.rms_norm_eps,
      axis: 2,
      name: norm,
    })
  }
  const { cos, sin } = context.positions()
  return ropeHalf(b, split, cos, sin, 2)
}

/** [1, heads, D, S] → [B · K, heads / K, D, T]: one matrix product per KV head, its query heads broadcast over it. */
function perKeyValueHead({ b, config, batchSize: B, seqLen: T }: GraphContext, x: Value, heads: number): Value {
  const { num_key_value_heads: K, head_dim: D } = config
  const rows = b.reshape({ x, shape: [K, (heads / K) * D, B, T] })
  return b.reshape({ x: b.transpose({ x: rows, perm: [2, 0, 1, 3] }), shape: [B * K, heads / K, D, T] })
}

function residual(context: GraphContext, x: Value, change: Value): Value {
  const { b } = context
  const { residual_multiplier: multiplier, activation_clip: limit } = context.config
  const scaled = multiplier === 1 ? change : b.mul({ x: change, y: multiplier })
  if (context.hostResidual) return scaled
  const sum = b.add({ x, y: scaled }, 'residual')
  if (limit === undefined) return sum
  return b.clip({ x: context.tap(sum), alpha: -limit, beta: limit }, 'clipped')
}

function normedInput(context: GraphContext, x: Value, name: string): Value {
  if (context.normed !== undefined) return context.normed
  const options = { eps: context.config.rms_norm_eps, name }
  return context.tap(rmsNorm(context.b, x, context.weight(`${name}.weight`), options))
}

function projected(context: GraphContext, x: Value, name: string): Value {
  const stem = name.slice(name.indexOf('.') + 1)
  return context.tap(linear(context.b, context.weight(`${name}.weight`), x, stem))
}

/** x + o_proj(attention(input_layernorm(x))). */
export function attentionBlock(context: GraphContext, x: Value): Value {
  const { b, config, batchSize: B, seqLen: T } = context
  const { num_attention_heads: H, num_key_value_heads: K, head_dim: D } = config
  const normed = normedInput(context, x, 'input_layernorm')
  const q = projected(context, normed, 'self_attn.q_proj')
  const k = projected(context, normed, 'self_attn.k_proj')
  const v = projected(context, normed, 'self_attn.v_proj')

  const queries = b.mul({ x: prepareHeads(context, q, H, 'q_norm'), y: D ** -0.5 })
  const keys = perKeyValueHead(context, prepareHeads(context, k, K, 'k_norm'), K)
  const values = perKeyValueHead(context, v, K)
  const scores = b.matmul({ x: perKeyValueHead(context, queries, H), y: keys, transpose_x: true, transpose_y: false })
  const probabilities = b.softmax({ x: b.add({ x: scores, y: context.positions().mask }), axis: -1 })
  const mixed = b.matmul({ x: values, y: probabilities, transpose_x: false, transpose_y: true })
  const rows = b.transpose({ x: b.reshape({ x: mixed, shape: [B, K, (H / K) * D, T] }), perm: [1, 2, 0, 3] })
  const attention = context.tap(b.reshape({ x: rows, shape: [1, H * D, 1, B * T] }, 'attention'))
  return residual(context, x, linear(b, context.weight('self_attn.o_proj.weight'), attention, 'o_proj'))
}

/** x + down_proj(silu(gate_proj(n)) · up_proj(n)) with n = post_attention_layernorm(x). */
export function mlpBlock(context: GraphContext, x: Value): Value {
  const { b } = context
  const normed = normedInput(context, x, 'post_attention_layernorm')
  const gate = projected(context, normed, 'mlp.gate_proj')
  const up = projected(context, normed, 'mlp.up_proj')
  const gated = b.mul({ x: silu(b, gate), y: up }, 'gated')
  return residual(context, x, linear(b, context.weight('mlp.down_proj.weight'), gated, 'down_proj'))
}
