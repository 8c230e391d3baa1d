import {
  interleavedToHalf,
  isRotated,
  loadCheckpoint,
  type ModelConfig,
  modelConfig,
  readSafetensors,
  type SafetensorsTensor,
} from '../src/index.js'
import { sharedJson, sharedPath } from './shared.js'

/** A configuration as the golden files spell it. */
interface GoldenConfig {
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

/** Rows of rotated projections in our order, whatever order the golden file has. */
export function inHalfOrder(golden: GoldenConfig, name: string, data: Float32Array): Float32Array {
  const permuted = golden.rope === 'interleaved' && isRotated(name)
  return permuted ? interleavedToHalf(data, golden.head_dim, golden.dim) : data
}

/** A model of golden/train with everything stored about it, in our row order. */
export async function goldenModel(name: string) {
  const json = sharedJson('golden/train', `${name}.json`)
  const tensors = await readSafetensors(sharedPath('golden/train', `${name}.safetensors`))
  const named = (prefix: string): Map<string, Float32Array> => {
    const found = [...tensors.values()].filter((tensor) => tensor.name.startsWith(prefix))
    const entry = ({ name: full, data }: SafetensorsTensor): [string, Float32Array] => {
      const weight = full.slice(prefix.length)
      return [weight, inHalfOrder(json.config, weight, (data as Float32Array).slice())]
    }
    return new Map(found.map(entry))
  }
  const checkpoint = sharedPath('data/stories260K/stories260K.bin')
  const weights = () => (json.weights_in_file ? named('init.') : undefined)
  const initial = weights() ?? (await loadCheckpoint(checkpoint)).weights
  const [, batchSize, seqLen] = tensors.get('tokens')!.shape
  const integers = (key: string) => Int32Array.from(tensors.get(key)!.data as Int32Array)
  return {
    json,
    config: goldenConfig(json.config),
    batchSize,
    seqLen,
    /** A fresh copy of the starting weights. */
    weights: () => new Map([...initial].map(([key, data]) => [key, data.slice()])),
    batch: (step: number, key: 'tokens' | 'targets') =>
      integers(key).subarray(step * batchSize * seqLen, (step + 1) * batchSize * seqLen),
    gradients: named('grad.'),
    final: named('final.'),
    tensor: (key: string) => tensors.get(key)!.data as Float32Array,
  }
}

/** ‖a − b‖ / ‖b‖. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0
  let norm = 0
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2
    norm += b[i] ** 2
  }
  return Math.sqrt(difference / norm)
}

/** max |a − b|. */
export function largestError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0
  for (let i = 0; i < b.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]))
  return largest
}
