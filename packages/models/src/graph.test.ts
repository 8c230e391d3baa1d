import { evaluate, type Tensor, type TensorType } from '@ane/mil'
import { describe, expect, it } from 'vitest'
import { type ModelConfig, modelConfig } from './config.js'
import { cutSegments, segmentProgram } from './segments.js'

const [batchSize, seqLen] = [2, 5]
const S = batchSize * seqLen

const model = (heads: number, keyValueHeads: number): ModelConfig =>
  modelConfig({
    model_type: 'llama',
    hidden_size: 10,
    intermediate_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    head_dim: 4,
    vocab_size: 8,
    max_position_embeddings: 8,
  })

/** Numbers without any pattern, so that no two heads are alike. */
const irregular = (count: number, seed: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed) * 1.5)

/** Attention by the definition, one query head after the other, in fp64; x `[C, S]` → `[C, S]`. */
function naiveAttention(config: ModelConfig, x: Float32Array, weights: Record<string, Float32Array>): Float64Array {
  const { hidden_size: C, num_attention_heads: H, num_key_value_heads: K, head_dim: D } = config
  const product = (w: ArrayLike<number>, input: ArrayLike<number>, out: number, inner: number) =>
    Float64Array.from({ length: out * S }, (_, at) => {
      let sum = 0
      for (let i = 0; i < inner; i++) sum += w[Math.floor(at / S) * inner + i] * input[i * S + (at % S)]
      return sum
    })
  const normed = Float64Array.from(x, (value, at) => {
    let squares = 0
    for (let c = 0; c < C; c++) squares += x[c * S + (at % S)] ** 2
    return (value / Math.sqrt(squares / C + config.rms_norm_eps)) * weights.input_layernorm[Math.floor(at / S)]
  })
  const rotated = (rows: Float64Array) =>
    Float64Array.from(rows, (value, at) => {
      const [row, column] = [Math.floor(at / S), at % S]
      const d = row % D
      const angle = (column % seqLen) * config.rope_theta ** ((-2 * (d % (D / 2))) / D)
      const partner = rows[(row + (d < D / 2 ? D / 2 : -D / 2)) * S + column]
      return value * Math.cos(angle) + (d < D / 2 ? -partner : partner) * Math.sin(angle)
    })
  const q = rotated(product(weights.q_proj, normed, H * D, C))
  const k = rotated(product(weights.k_proj, normed, K * D, C))
  const v = product(weights.v_proj, normed, K * D, C)
  const attended = new Float64Array(H * D * S)
  for (let head = 0; head < H; head++) {
    const keyHead = Math.floor(head / (H / K))
    for (let column = 0; column < S; column++) {
      const start = column - (column % seqLen)
      const scores = Array.from({ length: column - start + 1 }, (_, t) => {
        let sum = 0
        for (let d = 0; d < D; d++) sum += q[(head * D + d) * S + column] * k[(keyHead * D + d) * S + start + t]
        return Math.exp(sum / Math.sqrt(D))
      })
      const total = scores.reduce((sum, score) => sum + score)
      for (let d = 0; d < D; d++) {
        for (const [t, score] of scores.entries()) {
          attended[(head * D + d) * S + column] += (score / total) * v[(keyHead * D + d) * S + start + t]
        }
      }
    }
  }
  const projected = product(weights.o_proj, attended, C, H * D)
  return Float64Array.from(x, (value, at) => value + projected[at])
}

describe('attention', () => {
  it.each([
    [4, 4],
    [6, 2],
    [6, 3],
    [4, 1],
  ])('with %i query and %i KV heads is what the definition says for every head', (heads, keyValueHeads) => {
    const config = model(heads, keyValueHeads)
    const [segment] = cutSegments(config, 'half')
    const { program, blobs } = segmentProgram(config, segment, { batchSize, seqLen, dtype: 'fp32' })
    const inputs: Record<string, Tensor> = {}
    const weights: Record<string, Float32Array> = {}
    for (const [seed, { name, type }] of program.functions[0].inputs.entries()) {
      const shape = (type as TensorType).shape as number[]
      const data = irregular(
        shape.reduce((count, dim) => count * dim, 1),
        seed,
      )
      inputs[name] = { dtype: 'fp32', shape, data }
      weights[name.replace(/^layer_0_(self_attn_)?/, '')] = data
    }
    const expected = naiveAttention(config, weights.x, weights)
    const { y } = evaluate(program, inputs, { blobs, round: false })
    for (const [i, value] of expected.entries()) expect(Number(y.data[i])).toBeCloseTo(value, 5)
  })
})
