import type { Device, Surface } from '@ane/runtime'

/** A device that remembers the surfaces it made, so that one owner can free all of them while the device lives on. */
export class OwnedDevice implements Device {
  readonly #surfaces: Surface[] = []

  constructor(private readonly device: Device) {}

  get description(): Device['description'] {
    return this.device.description
  }

  createSurface(...shape: Parameters<Device['createSurface']>): Surface {
    const surface = this.device.createSurface(...shape)
    this.#surfaces.push(surface)
    return surface
  }

  compile(...program: Parameters<Device['compile']>): ReturnType<Device['compile']> {
    return this.device.compile(...program)
  }

  createSchedule(): ReturnType<Device['createSchedule']> {
    return this.device.createSchedule()
  }

  dump(mil: string, name: string): string {
    return this.device.dump?.(mil, name) ?? ''
  }

  /** Frees the surfaces; the device underneath stays open. */
  dispose(): void {
    for (const surface of this.#surfaces.splice(0)) surface.dispose()
  }
}
