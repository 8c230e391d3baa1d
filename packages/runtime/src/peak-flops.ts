/** How fast the processor could be, to hold measured speeds against. */
import { captureStack, engineError } from './ane-error.js'
import { loadAddon } from './cpu/addon.js'
import { checkThreads } from './open-device.js'

/** Types the processor may have multiply-adds of: fp32 and bf16 with fp32 sums, int8 with int32 sums. */
export type PeakFactors = 'fp32' | 'bf16' | 'int8'

/** How the peak is measured. */
export interface PeakOptions {
  /** What is multiplied; default fp32. */
  factors?: PeakFactors
  /** Default the cores this process may use. */
  threads?: number
  /** Length of the measurement, 1 to 60000; default 50. */
  milliseconds?: number
}

/**
 * Measures the processor's multiply-add peak off the JavaScript thread: the instructions the CPU engine's matrix products
 * use, on numbers that stay in registers, on all threads at once.
 *
 * @returns operations per second, a multiply-add counting two; null where the processor, or the instruction set that
 *   ANE_ISA names, has no instruction for such factors
 * @throws {TypeError} if `factors` is unknown
 * @throws {RangeError} if `threads` or `milliseconds` is out of range, or ANE_ISA names what this processor does not run
 * @throws {AneError} code `ADDON_NOT_FOUND` or `ADDON_INCOMPATIBLE`
 */
export async function measurePeakFlops(options?: PeakOptions & { factors?: 'fp32' }): Promise<number>
export async function measurePeakFlops(options: PeakOptions): Promise<number | null>
export async function measurePeakFlops(options: PeakOptions = {}): Promise<number | null> {
  const stack = captureStack(measurePeakFlops)
  const addon = loadAddon()
  const { availableCores } = addon.processor()
  const { threads, milliseconds = 50, factors = 'fp32' } = options
  if (!['fp32', 'bf16', 'int8'].includes(factors)) {
    throw new TypeError(`Expected fp32, bf16 or int8 for factors, got ${String(factors)}.`)
  }
  checkThreads(threads, availableCores)
  try {
    return await addon.measurePeakFlops(threads ?? availableCores, milliseconds, factors)
  } catch (cause) {
    throw engineError(cause, stack)
  }
}
