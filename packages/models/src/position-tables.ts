import type { ModelConfig } from './config.js'

/**
 * What is added to the score of a key that lies in the query's future: the most negative fp16 number, used in fp32 too.
 * Its exponential is exactly 0 next to the key at the query's own position.
 */
const MASKED = -65504

/** Rotary tables `[head_dim / 2, batch_size · seq_len]`: pair i of position t turns by t · theta^(−2i / head_dim). */
export function rotaryTables(
  config: ModelConfig,
  batchSize: number,
  seqLen: number,
): { cos: Float32Array; sin: Float32Array } {
  const pairs = config.head_dim / 2
  const columns = batchSize * seqLen
  const cos = new Float32Array(pairs * columns)
  const sin = new Float32Array(pairs * columns)
  for (let pair = 0; pair < pairs; pair++) {
    const frequency = config.rope_theta ** (-pair / pairs)
    for (let column = 0; column < columns; column++) {
      const angle = (column % seqLen) * frequency
      cos[pair * columns + column] = Math.cos(angle)
      sin[pair * columns + column] = Math.sin(angle)
    }
  }
  return { cos, sin }
}

/** Causal mask `[seq_len, seq_len]` (query, key) to add to the scores: 0 where the key is not in the future. */
export function causalMask(seqLen: number): Float32Array {
  const mask = new Float32Array(seqLen * seqLen)
  for (let query = 0; query < seqLen; query++) mask.fill(MASKED, query * seqLen + query + 1, (query + 1) * seqLen)
  return mask
}
