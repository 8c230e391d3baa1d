import { Random } from '../random.js'

/** How the next token is chosen from the logits. */
export interface SamplerOptions {
  /** 0 takes the most likely token. @default 0 */
  readonly temperature?: number
  /** Keeps this many of the most likely tokens; 0: all. @default 0 */
  readonly topK?: number
  /** Keeps the fewest most likely tokens whose probabilities sum to at least this. @default 1 */
  readonly topP?: number
  /** @default 0 */
  readonly seed?: number
  /** Ids that are never chosen. @default [] */
  readonly suppressTokens?: readonly number[]
}

/** Chooses a token id from the logits of one position. */
export type Sampler = (logits: Float32Array) => number

/** Index of the largest logit, the lowest of several equal ones. @throws {RangeError} if a logit is NaN or none is given */
export function argmax(logits: Float32Array): number {
  if (logits.length === 0) throw new RangeError('Expected at least one logit, got none.')
  let best = 0
  for (let i = 0; i < logits.length; i++) {
    if (Number.isNaN(logits[i])) throw new RangeError(`Expected numbers for the logits, got NaN for token ${i}.`)
    if (logits[i] > logits[best]) best = i
  }
  return best
}

/** Token ids, most likely first (lower id first on ties), with exp(logit / temperature − largest); fp64. */
function ranked(logits: Float32Array, temperature: number, keep: number): { ids: Uint32Array; weights: Float64Array } {
  const largest = logits[argmax(logits)]
  if (!Number.isFinite(largest)) throw new RangeError(`Expected finite logits, got ${largest}.`)
  const ids = Uint32Array.from(logits, (_, i) => i)
  ids.sort((a, b) => logits[b] - logits[a] || a - b)
  const kept = ids.subarray(0, keep)
  return { ids: kept, weights: Float64Array.from(kept, (id) => Math.exp((logits[id] - largest) / temperature)) }
}

/**
 * Makes a sampler; suppressed tokens are left out, then temperature first, then top-k, then top-p on what is left.
 *
 * Equal options and logits give equal tokens. Probabilities are fp64.
 *
 * @throws {RangeError} if an option is out of range; the sampler throws for logits that are not finite
 */
export function createSampler(options: SamplerOptions = {}): Sampler {
  const { suppressTokens = [], ...others } = options
  const choose = chooser(others)
  if (suppressTokens.length === 0) return choose
  return (logits) => {
    const allowed = logits.slice()
    for (const id of suppressTokens) allowed[id] = Number.NEGATIVE_INFINITY
    return choose(allowed)
  }
}

function chooser({ temperature = 0, topK = 0, topP = 1, seed = 0 }: SamplerOptions): Sampler {
  if (!(temperature >= 0 && Number.isFinite(temperature))) {
    throw new RangeError(`Expected a number from 0 for temperature, got ${temperature}.`)
  }
  if (!Number.isInteger(topK) || topK < 0) throw new RangeError(`Expected an integer from 0 for top_k, got ${topK}.`)
  if (!(topP > 0 && topP <= 1)) throw new RangeError(`Expected a number above 0, at most 1 for top_p, got ${topP}.`)
  if (temperature === 0) return argmax
  const random = new Random(seed)
  return (logits) => {
    const { ids, weights } = ranked(logits, temperature, topK === 0 ? logits.length : topK)
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    let kept = 0
    let mass = 0
    while (kept < weights.length && mass < topP * total) mass += weights[kept++]
    let point = random.uniform() * mass
    for (let i = 0; i < kept; i++) {
      point -= weights[i]
      if (point < 0) return ids[i]
    }
    return ids[kept - 1]
  }
}
