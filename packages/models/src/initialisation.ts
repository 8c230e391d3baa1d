import { AneError } from '@ane/runtime'
import type { ModelConfig } from './config.js'
import { parameterCount } from './estimates.js'
import { Random } from './random.js'
import { elementCount, type Weights, weightShapes } from './weights.js'

const STD = 0.02

/**
 * Fresh weights: matrices normal(0, 0.02), the two that write into the residual stream (`o_proj`, `down_proj`)
 * normal(0, 0.02 / sqrt(2 · num_hidden_layers)), norms 1.
 *
 * Every weight draws from its own stream of {@link Random}, numbered by its place in the checkpoint.
 *
 * @throws {AneError} `OUT_OF_MEMORY`, naming the weight that does not fit
 * @throws {RangeError} if `seed` is not an integer from 0 to 2^53 − 1
 * @see Radford et al. 2019, section 2.3, for the residual scaling
 */
export function initialWeights(config: ModelConfig, seed: number): Weights {
  const weights: Weights = new Map()
  let stream = 0
  for (const [name, shape] of weightShapes(config)) {
    const data = allocated(config, name, elementCount(shape))
    const random = new Random(seed, stream++)
    const residual = name.endsWith('.o_proj.weight') || name.endsWith('.down_proj.weight')
    if (shape.length === 1) data.fill(1)
    else random.fillNormal(data, residual ? STD / Math.sqrt(2 * config.num_hidden_layers) : STD)
    weights.set(name, data)
  }
  return weights
}

function allocated(config: ModelConfig, name: string, count: number): Float32Array<ArrayBuffer> {
  const gibibytes = (numbers: number) => `${((4 * numbers) / 2 ** 30).toFixed(2)} GiB`
  try {
    return new Float32Array(count)
  } catch (cause) {
    const message = `Expected ${gibibytes(parameterCount(config))} of free memory for the weights of a model, got less: ${name} takes ${gibibytes(count)}. Use a smaller model.`
    throw new AneError('OUT_OF_MEMORY', message, { cause })
  }
}
