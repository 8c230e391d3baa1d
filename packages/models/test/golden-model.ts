import { sharedJson, sharedPath } from '../../../test/shared/folder.js'
import { type GoldenConfig, goldenConfig } from '../../../test/shared/golden-config.js'
import { interleavedToHalf, isRotated, loadCheckpoint, readSafetensors, type SafetensorsTensor } from '../src/index.js'

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
