import { type Device, openDevice } from '@ane/runtime'

/** Opens a device, or undefined where the machine has none of that kind. */
export async function deviceIfAny(kind: 'cpu' | 'reference', threads?: number): Promise<Device | undefined> {
  try {
    return await openDevice(kind, threads === undefined ? {} : { threads })
  } catch (error) {
    if ((error as { code?: string }).code === 'ADDON_NOT_FOUND') return undefined
    throw error
  }
}
