import { resolveTarget } from '@ane/mil'
import { type Device, type DeviceOptions, openDevice } from '@ane/runtime'

/** Opens a device, or undefined where the machine has none of that kind. */
export async function deviceIfAny(
  kind: 'cpu' | 'reference' | 'ane-sim',
  threads?: number,
  options: DeviceOptions = {},
): Promise<Device | undefined> {
  try {
    return await openDevice(kind, { ...options, ...(threads !== undefined && { threads }) })
  } catch (error) {
    if ((error as { code?: string }).code === 'ADDON_NOT_FOUND') return undefined
    throw error
  }
}

/** The CPU engine given what a Neural Engine would get: every program lowered for a chip. */
export async function cpuInsteadOf(name: string): Promise<Device> {
  const { chip, os } = resolveTarget({ chip: name })
  const device = await openDevice('cpu', { threads: 1 })
  return {
    description: { ...device.description, target: { chip: chip.name, os } },
    createSurface: (...surface) => device.createSurface(...surface),
    compile: (...program) => device.compile(...program),
    createSchedule: () => device.createSchedule(),
    dispose: () => device.dispose(),
  }
}
