/** A device of the addon: what the CPU engine and the Neural Engine have in common. */
import { captureStack, engineError } from '../ane-error.js'
import type {
  CompileOptions,
  Device,
  DeviceDescription,
  Executable,
  Schedule,
  Surface,
  SurfaceDtype,
} from '../device.js'
import type { Addon, DeviceHandle } from './addon.js'
import { CpuExecutable } from './executable.js'
import { CpuSchedule } from './schedule.js'
import { CpuSurface } from './surface.js'

/** Surfaces, programs and schedules of the addon; executables and schedules of one device run one after the other. */
export class AddonDevice implements Device {
  readonly description: DeviceDescription
  protected readonly addon: Addon
  #handle: DeviceHandle | undefined
  #surfaces = 0

  constructor(addon: Addon, handle: DeviceHandle, description: DeviceDescription) {
    this.addon = addon
    this.#handle = handle
    this.description = Object.freeze(description)
  }

  createSurface(shape: readonly number[], dtype: SurfaceDtype, name = `surface${this.#surfaces}`): Surface {
    const device = this.expectLive()
    this.#surfaces++
    return new CpuSurface(this, this.addon, device, shape, dtype, name)
  }

  async compile(mil: string, options: CompileOptions = {}): Promise<Executable> {
    const stack = captureStack(this.compile)
    const device = this.expectLive()
    if (typeof mil !== 'string') throw new TypeError(`Expected a MIL program for mil, got ${String(mil)}.`)
    const { function: functionName = 'main', name = functionName, blobs, inputShapes, lenientBlobs = false } = options
    try {
      const program = await this.addon.deviceCompile(
        device,
        mil,
        functionName,
        [...(blobs ?? [])],
        Object.entries(inputShapes ?? {}),
        lenientBlobs,
        name,
      )
      return new CpuExecutable(this, this.addon, program, name)
    } catch (cause) {
      throw engineError(cause, stack)
    }
  }

  createSchedule(): Schedule {
    return new CpuSchedule(this, this.addon, this.expectLive())
  }

  /** Waits for the run under way, then frees threads and working memory. */
  dispose(): void {
    if (this.#handle) this.addon.deviceDispose(this.#handle)
    this.#handle = undefined
  }

  /** @throws {TypeError} if the device is disposed */
  expectLive(): DeviceHandle {
    if (!this.#handle) throw new TypeError('Expected a live device, got a disposed one.')
    return this.#handle
  }
}
