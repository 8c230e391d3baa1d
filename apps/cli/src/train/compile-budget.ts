import { aneStatistics, type Device } from '@ane/runtime'

/** Programs after which some systems refuse to compile in one process, without a word; limit C-100. */
const COMPILE_LIMIT = 119

/**
 * Asked after every step: whether the next steps could exhaust what this process may compile, going by what the last one
 * compiled. Always false on devices that count no compiles and for runs that compile once.
 */
export function compileBudget(device: Device): () => boolean {
  let before = aneStatistics(device)?.processCompiles ?? 0
  return () => {
    const compiles = aneStatistics(device)?.processCompiles ?? 0
    const perStep = compiles - before
    before = compiles
    return perStep > 0 && compiles + 2 * perStep > COMPILE_LIMIT
  }
}
