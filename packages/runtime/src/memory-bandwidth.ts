/** How fast the memory is, to hold measured speeds against. */
import { captureStack, engineError } from './ane-error.js'
import { loadAddon } from './cpu/addon.js'
import { checkThreads } from './open-device.js'

/** How the bandwidth is measured. */
export interface BandwidthOptions {
  /** Default the cores this process may use. */
  threads?: number
  /** Length of each of the two measurements, 1 to 60000; default 100. */
  milliseconds?: number
}

/** Bytes per second of all threads together. */
export interface MemoryBandwidth {
  readonly read: number
  /** Bytes read plus bytes written. */
  readonly copy: number
}

/**
 * Measures the bandwidth of the memory off the JavaScript thread, over 512 MiB that no cache holds.
 *
 * @throws {RangeError} if `threads` or `milliseconds` is out of range, or ANE_ISA names what this processor does not run
 * @throws {AneError} code `ADDON_NOT_FOUND`, `ADDON_INCOMPATIBLE` or `OUT_OF_MEMORY`
 */
export async function measureMemoryBandwidth(options: BandwidthOptions = {}): Promise<MemoryBandwidth> {
  const stack = captureStack(measureMemoryBandwidth)
  const addon = loadAddon()
  const { availableCores } = addon.processor()
  const { threads, milliseconds = 100 } = options
  checkThreads(threads, availableCores)
  try {
    return await addon.measureMemoryBandwidth(threads ?? availableCores, milliseconds)
  } catch (cause) {
    throw engineError(cause, stack)
  }
}
