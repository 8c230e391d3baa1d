/** Opening devices by kind. */
import { availableParallelism } from 'node:os'
import { openAne, openAneSimulator, tryAne } from './ane/open.js'
import { type Addon, loadAddon } from './cpu/addon.js'
import { CpuDevice } from './cpu/device.js'
import type { Device, DeviceOptions } from './device.js'
import { checkOptions, type DeviceKind, deviceKinds } from './device-options.js'
import { ReferenceDevice } from './reference/device.js'

/**
 * Opens a device. The caller disposes it.
 *
 * @throws {TypeError} if the kind, an option's name or value is unknown, or the kind does not take the option
 * @throws {RangeError} if `threads` is not between 1 and the cores this process may use, or ANE_ISA does not fit
 * @throws {AneError} code `ADDON_NOT_FOUND` or `ADDON_INCOMPATIBLE`, for every kind but `reference`;
 *   `ANE_UNAVAILABLE`, saying why, for `ane` and `ane-sim`
 * @example
 * const device = await openDevice('auto', { threads: 2 })
 */
export async function openDevice(kind: DeviceKind = 'auto', options: DeviceOptions = {}): Promise<Device> {
  if (!deviceKinds.includes(kind)) {
    throw new TypeError(`Expected one of ${deviceKinds.join(', ')} for the device, got ${String(kind)}.`)
  }
  checkOptions(kind, options)
  const { threads, math = 'exact' } = options
  if (kind === 'reference') {
    checkThreads(threads, availableParallelism())
    return new ReferenceDevice(math)
  }
  const addon = loadAddon()
  const { availableCores } = addon.processor()
  checkThreads(threads, availableCores)
  const count = threads ?? availableCores
  if (kind === 'ane') return openAne(addon, count, options)
  if (kind === 'ane-sim') return openAneSimulator(addon, count, options)
  return kind === 'auto' && process.platform === 'darwin' && math === 'exact'
    ? openBest(addon, count, options)
    : new CpuDevice(addon, count, math)
}

async function openBest(addon: Addon, threads: number, options: DeviceOptions): Promise<Device> {
  const device = await tryAne(addon, threads, options)
  return typeof device === 'string' ? new CpuDevice(addon, threads, 'exact', device) : device
}

/** @throws {RangeError} if `threads` is given and not an integer from 1 to `available` */
export function checkThreads(threads: number | undefined, available: number): void {
  if (threads === undefined) return
  if (!Number.isInteger(threads) || threads < 1 || threads > available) {
    throw new RangeError(`Expected an integer from 1 to ${available} for threads, got ${String(threads)}.`)
  }
}
