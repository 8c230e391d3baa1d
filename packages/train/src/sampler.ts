import { Random } from '@ane/models'

/** Chooses where each training window starts. Its state is small and part of every checkpoint. */
export interface Sampler {
  /** Start positions of the next `rows` windows. */
  next(rows: number): number[]
  state(): SamplerState
  load(state: SamplerState): void
}

/** Plain numbers by name, so that any sampler can be stored as JSON. */
export type SamplerState = Readonly<Record<string, number>>

/**
 * Cuts the training tokens into windows side by side and visits every window once an epoch, in a seeded order that
 * differs from epoch to epoch; the cut is shifted within the tokens left over, so that it is not always the same.
 *
 * @throws {RangeError} if there is not one whole window
 */
export function epochSampler(options: { trainTokens: number; seqLen: number; seed: number }): Sampler {
  const { trainTokens, seqLen, seed } = options
  const windows = Math.floor((trainTokens - 1) / seqLen)
  if (windows < 1) throw new RangeError(`Expected at least ${seqLen + 1} training tokens, got ${trainTokens}.`)
  let epoch = 0
  let position = 0
  let order = epochOrder(epoch)

  function epochOrder(number: number): { starts: Uint32Array; shift: number } {
    const random = new Random(seed, number)
    const below = (n: number) => Math.floor((random.uint32() * n) / 2 ** 32)
    const shift = number === 0 ? 0 : below(trainTokens - windows * seqLen)
    const starts = Uint32Array.from({ length: windows }, (_, i) => i)
    for (let i = windows - 1; i > 0; i--) {
      const j = below(i + 1)
      const swapped = starts[i]
      starts[i] = starts[j]
      starts[j] = swapped
    }
    return { starts, shift }
  }

  return {
    next(rows) {
      return Array.from({ length: rows }, () => {
        if (position === windows) {
          position = 0
          order = epochOrder(++epoch)
        }
        return order.starts[position++] * seqLen + order.shift
      })
    },
    state: () => ({ epoch, position }),
    load(state) {
      if (!(Number.isInteger(state.epoch) && state.epoch >= 0 && state.position >= 0 && state.position <= windows))
        throw new RangeError(
          `Expected a position within ${windows} windows for the sampler state, got ${JSON.stringify(state)}. Was the data changed?`,
        )
      epoch = state.epoch
      position = state.position
      order = epochOrder(epoch)
    },
  }
}

/** Windows spread evenly over the validation part, the same ones every time. */
export function evaluationStarts(from: number, tokens: number, seqLen: number, count: number): number[] {
  const room = tokens - seqLen - 1
  const windows = Math.max(1, Math.min(count, Math.floor((tokens - 1) / seqLen)))
  return Array.from({ length: windows }, (_, i) => from + (windows === 1 ? 0 : Math.floor((i * room) / (windows - 1))))
}
