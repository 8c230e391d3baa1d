/** Transformer half-blocks in the layout the models use, small enough for numerical differences. */

import { type BuiltProgram, buildProgram } from '../src/builder.js'
import { linear, rmsNorm, ropeHalf, silu } from '../src/compositions.js'
import type { Dtype, Value } from '../src/ir.js'

/** Legend: B batch, T positions, S = B · T, H heads, K KV heads, D head_dim, C hidden size. */
export const sizes = { B: 2, T: 3, H: 4, K: 2, D: 4, C: 8, F: 12 }

const { B, T, H, K, D, C, F } = sizes
const S = B * T
const eps = 1e-5

/** x + o_proj(attention(norm(x))) with q/k norms, RoPE, grouped heads and a causal mask. */
export function attentionBlock(dtype: Dtype): BuiltProgram {
  return buildProgram({}, (b) => {
    const x = b.input('x', dtype, [1, C, 1, S])
    const gain = b.input('input_layernorm', dtype, [1, C, 1, 1])
    const [q, k, v] = ['q_proj', 'k_proj', 'v_proj'].map((name, i) => b.input(name, dtype, [1, (i ? K : H) * D, 1, C]))
    const qGain = b.input('q_norm', dtype, [1, D, 1, 1])
    const kGain = b.input('k_norm', dtype, [1, D, 1, 1])
    const o = b.input('o_proj', dtype, [1, C, 1, H * D])
    const angles = Array.from({ length: (D / 2) * S }, (_, i) => (i % T) * 100 ** (-(2 * Math.floor(i / S)) / D))
    const cos = b.constant(dtype, [1, 1, D / 2, S], angles.map(Math.cos), { name: 'cos' })
    const sin = b.constant(dtype, [1, 1, D / 2, S], angles.map(Math.sin), { name: 'sin' })
    const causal = Array.from({ length: T * T }, (_, i) => (i % T > Math.floor(i / T) ? -65504 : 0))
    const mask = b.constant(dtype, [1, 1, T, T], causal, { name: 'mask', inline: true })

    const normed = rmsNorm(b, x, gain, { eps, name: 'normed' })
    const heads = (w: Value, count: number, norm: Value | undefined, name: string): Value => {
      const all = b.reshape({ x: linear(b, w, normed, name), shape: [1, count, D, S] })
      const turned = norm
        ? ropeHalf(b, rmsNorm(b, all, norm, { eps, axis: 2, name: `${name}_norm` }), cos, sin, 2)
        : all
      const split = b.reshape({ x: turned, shape: [count, D, B, T] })
      const batched = b.transpose({ x: split, perm: [2, 0, 3, 1] })
      return b.reshape({ x: batched, shape: [B * K, count / K, T, D] }, `${name}_heads`)
    }
    const scores = b.matmul({ x: heads(q, H, qGain, 'q'), y: heads(k, K, kGain, 'k'), transpose_y: true })
    const probs = b.softmax({ x: b.add({ x: b.mul({ x: scores, y: D ** -0.5 }), y: mask }), axis: -1 }, 'probs')
    const mixed = b.reshape({ x: b.matmul({ x: probs, y: heads(v, K, undefined, 'v') }), shape: [B, H, T, D] })
    const columns = b.reshape(
      { x: b.transpose({ x: mixed, perm: [1, 3, 0, 2] }), shape: [1, H * D, 1, S] },
      'attention',
    )
    b.output(b.add({ x, y: linear(b, o, columns, 'o') }), 'y')
  })
}

/** x + down(silu(gate) · up). */
export function mlpBlock(dtype: Dtype): BuiltProgram {
  return buildProgram({}, (b) => {
    const x = b.input('x', dtype, [1, C, 1, S])
    const gain = b.input('post_attention_layernorm', dtype, [1, C, 1, 1])
    const gate = b.input('gate_proj', dtype, [1, F, 1, C])
    const up = b.input('up_proj', dtype, [1, F, 1, C])
    const down = b.input('down_proj', dtype, [1, C, 1, F])
    const normed = rmsNorm(b, x, gain, { eps, name: 'normed' })
    const hidden = b.mul({ x: silu(b, linear(b, gate, normed, 'gate')), y: linear(b, up, normed, 'up') }, 'hidden')
    b.output(b.add({ x, y: linear(b, down, hidden, 'down') }), 'y')
  })
}
