/** How fast the processor could be, to hold measured speeds against. */
import { captureStack, engineError } from './ane-error.js'
import { loadAddon } from './cpu/addon.js'
import { checkThreads } from './open-device.js'

/** How the peak is measured. */
export interface PeakOptions {
  /** Default the cores this process may use. */
  threads?: number
  /** Length of the measurement, 1 to 60000; default 50. */
  milliseconds?: number
}

/**
 * Measures the processor's fp32 multiply-add peak off the JavaScript thread: the instructions the CPU engine's matrix
 * products use, on numbers that stay in registers, on all threads at once.
 *
 * @returns FLOP/s, a multiply-add counting two
 * @throws {RangeError} if `threads` or `milliseconds` is out of range, or ANE_ISA names what this processor does not run
 * @throws {AneError} code `ADDON_NOT_FOUND` or `ADDON_INCOMPATIBLE`
 */
export async function measurePeakFlops(options: PeakOptions = {}): Promise<number> {
  const stack = captureStack(measurePeakFlops)
  const addon = loadAddon()
  const { availableCores } = addon.processor()
  const { threads, milliseconds = 50 } = options
  checkThreads(threads, availableCores)
  try {
    return await addon.measurePeakFlops(threads ?? availableCores, milliseconds)
  } catch (cause) {
    throw engineError(cause, stack)
  }
}
