import { AneError } from '@ane/runtime'
import type { MemoryEstimate } from '../estimates.js'

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`

/** Whether an allocation failed, in JavaScript or in the addon. */
const isOutOfMemory = (error: unknown): boolean =>
  error instanceof AneError
    ? error.code === 'OUT_OF_MEMORY'
    : error instanceof RangeError && error.message.includes('allocation failed')

/**
 * Makes something that needs a lot of memory.
 *
 * @throws {AneError} `OUT_OF_MEMORY`, naming what takes how much, largest first, if an allocation fails; anything else
 * that `make` throws as it is
 */
export async function namingMemory<T>(estimate: () => MemoryEstimate, make: () => Promise<T>): Promise<T> {
  try {
    return await make()
  } catch (error) {
    if (!isOutOfMemory(error)) throw error
    const { total, ...parts } = estimate()
    const named = Object.entries(parts)
      .sort(([, a], [, b]) => b - a)
      .map(([name, bytes]) => `${name} ${gibibytes(bytes)}`)
    const message = `Expected about ${gibibytes(total)} of free memory for a training step, got less: ${named.join(', ')}. Use a smaller model, batch_size or seq_len.`
    throw new AneError('OUT_OF_MEMORY', message, { cause: error })
  }
}
