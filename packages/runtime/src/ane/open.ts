/** Opening the Neural Engine and its simulator. */
import { existsSync } from 'node:fs'
import { resolveTarget } from '@ane/mil'
import { AneError, engineError } from '../ane-error.js'
import type { Addon, AneIdentity, DeviceHandle } from '../cpu/addon.js'
import type { DeviceOptions, SimulatorFaults } from '../device.js'
import { AneDevice } from './device.js'
import { runSmokeProgram } from './smoke-program.js'
import { thisMac } from './this-mac.js'

const defaultQos = 21
const defaultChip = 'm4'

/** @throws {AneError} code `ANE_UNAVAILABLE`, saying why, where there is no Neural Engine */
export function openAne(addon: Addon, threads: number, options: DeviceOptions): AneDevice {
  const { platform, arch } = process
  if (platform !== 'darwin' || arch !== 'arm64') {
    throw new AneError(
      'ANE_UNAVAILABLE',
      `The Neural Engine needs macOS on Apple silicon, this is ${platform} ${arch}. Its simulator runs here: ane-sim.`,
    )
  }
  const handle = create(addon, threads, options, '', '')
  const { subType, build } = handle.identity
  const target = thisMac()
  const system = `macOS ${target.os}${build && ` (${build})`}`
  const summary = `Neural Engine${subType && ` ${subType}`}, ${system}, ${hostThreads(threads)}`
  const description = { kind: 'ane', summary, math: 'exact', threads, isa: subType, target } as const
  return new AneDevice(addon, handle, description, options.dumpFolder)
}

/**
 * The Neural Engine if a program compiles on it and gives the right numbers.
 *
 * @returns the device, or why there is none
 */
export async function tryAne(addon: Addon, threads: number, options: DeviceOptions): Promise<AneDevice | string> {
  let device: AneDevice | undefined
  try {
    device = openAne(addon, threads, options)
    await runSmokeProgram(device)
    return device
  } catch (error) {
    device?.dispose()
    return (error as Error).message.replace(/\.$/, '')
  }
}

/**
 * A simulated chip. One configuration at a time per process.
 *
 * @throws {RangeError} if the chip or the system is unknown
 * @throws {TypeError} if another chip, or the same with other faults, is open
 * @throws {AneError} code `ANE_UNAVAILABLE` if the simulator was not built or a fault says so
 */
export function openAneSimulator(addon: Addon, threads: number, options: DeviceOptions): AneDevice {
  const { simulatorPath } = addon
  if (!existsSync(simulatorPath)) {
    throw new AneError(
      'ANE_UNAVAILABLE',
      `Expected the simulator at ${simulatorPath}, found nothing. Build it: pnpm --filter @ane/native build`,
    )
  }
  const { faults, compileLimit, loadLimit, strict } = options
  const { chip, os } = resolveTarget({ chip: options.chip ?? defaultChip, os: options.os })
  const configuration = JSON.stringify({
    chip: chip.name,
    os,
    ...(faults && { faults: faultsOnDisk(faults) }),
    ...(compileLimit !== undefined && { compile_limit: compileLimit }),
    ...(loadLimit !== undefined && { load_limit: loadLimit }),
    ...(strict !== undefined && { strict }),
  })
  const handle = create(addon, threads, options, simulatorPath, configuration)
  const { subType } = handle.identity
  const summary = `Neural Engine simulator, ${chip.name.toUpperCase()}, macOS ${os}, ${hostThreads(threads)}`
  const target = { chip: chip.name, os }
  const description = { kind: 'ane-sim', summary, math: 'exact', threads, isa: subType, target } as const
  return new AneDevice(addon, handle, description, options.dumpFolder)
}

function create(
  addon: Addon,
  threads: number,
  { qos = defaultQos, perfStats = false, compileLimit = 0 }: DeviceOptions,
  simulator: string,
  configuration: string,
): DeviceHandle & { readonly identity: AneIdentity } {
  try {
    return addon.aneDeviceCreate(threads, qos, perfStats, compileLimit, simulator, configuration)
  } catch (cause) {
    throw engineError(cause)
  }
}

const hostThreads = (threads: number) => (threads === 1 ? '1 host thread' : `${threads} host threads`)

function faultsOnDisk({ compile, evaluate, surface, missingSelector, missingFramework }: SimulatorFaults): object {
  return {
    ...(compile && { compile }),
    ...(evaluate && { evaluate }),
    ...(surface && { surface }),
    ...(missingSelector !== undefined && { missing_selector: missingSelector }),
    ...(missingFramework !== undefined && { missing_framework: missingFramework }),
  }
}
