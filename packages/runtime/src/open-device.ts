/** Opening devices by kind. */
import { availableParallelism } from 'node:os'
import { loadAddon } from './cpu/addon.js'
import { CpuDevice } from './cpu/device.js'
import type { Device, DeviceOptions, MathMode } from './device.js'
import { ReferenceDevice } from './reference/device.js'

/** `auto` picks the best device that works here, once; what it picked is in `description`. */
export type DeviceKind = 'auto' | 'cpu' | 'reference'

const openers: Readonly<Record<DeviceKind, (threads: number | undefined, math: MathMode) => Device>> = {
  auto: openCpu,
  cpu: openCpu,
  reference: (threads, math) => {
    checkThreads(threads, availableParallelism())
    return new ReferenceDevice(math)
  },
}

/**
 * Opens a device. The caller disposes it.
 *
 * @throws {TypeError} if the kind, an option's name or the math mode is unknown
 * @throws {RangeError} if `threads` is not between 1 and the cores this process may use, or ANE_ISA does not fit
 * @throws {AneError} code `ADDON_NOT_FOUND` or `ADDON_INCOMPATIBLE`, for every kind but `reference`
 * @example
 * const device = await openDevice('auto', { threads: 2 })
 */
export async function openDevice(kind: DeviceKind = 'auto', options: DeviceOptions = {}): Promise<Device> {
  if (!Object.hasOwn(openers, kind)) {
    throw new TypeError(`Expected one of ${Object.keys(openers).join(', ')} for the device, got ${String(kind)}.`)
  }
  for (const name of Object.keys(options)) {
    if (name !== 'threads' && name !== 'math') {
      throw new TypeError(`Expected threads or math for a device option, got ${name}.`)
    }
  }
  const { threads, math = 'exact' } = options
  if (math !== 'exact' && math !== 'fast') {
    throw new TypeError(`Expected exact or fast for math, got ${String(math)}.`)
  }
  return openers[kind](threads, math)
}

function openCpu(threads: number | undefined, math: MathMode): Device {
  const addon = loadAddon()
  const { availableCores } = addon.processor()
  checkThreads(threads, availableCores)
  return new CpuDevice(addon, threads ?? availableCores, math)
}

/** @throws {RangeError} if `threads` is given and not an integer from 1 to `available` */
export function checkThreads(threads: number | undefined, available: number): void {
  if (threads === undefined) return
  if (!Number.isInteger(threads) || threads < 1 || threads > available) {
    throw new RangeError(`Expected an integer from 1 to ${available} for threads, got ${String(threads)}.`)
  }
}
