import type { ModelConfig } from './config.js'
import { Random } from './random.js'
import { elementCount, type Weights, weightShapes } from './weights.js'

const STD = 0.02

/**
 * Fresh weights: matrices normal(0, 0.02), the two that write into the residual stream (`o_proj`, `down_proj`)
 * normal(0, 0.02 / sqrt(2 · num_hidden_layers)), norms 1.
 *
 * Every weight draws from its own stream of {@link Random}, numbered by its place in the checkpoint.
 *
 * @throws {RangeError} if `seed` is not an integer from 0 to 2^53 − 1
 * @see Radford et al. 2019, section 2.3, for the residual scaling
 */
export function initialWeights(config: ModelConfig, seed: number): Weights {
  const weights: Weights = new Map()
  let stream = 0
  for (const [name, shape] of weightShapes(config)) {
    const data = new Float32Array(elementCount(shape))
    const random = new Random(seed, stream++)
    const residual = name.endsWith('.o_proj.weight') || name.endsWith('.down_proj.weight')
    if (shape.length === 1) data.fill(1)
    else random.fillNormal(data, residual ? STD / Math.sqrt(2 * config.num_hidden_layers) : STD)
    weights.set(name, data)
  }
  return weights
}
