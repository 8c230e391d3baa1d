/** The reference device: `@ane/mil`'s interpreter and plain TypeScript kernels. Slow; it defines what others compute. */
import type {
  CompileOptions,
  Device,
  DeviceDescription,
  Executable,
  MathMode,
  Schedule,
  Surface,
  SurfaceDtype,
} from '../device.js'
import { ReferenceExecutable } from './executable.js'
import { ReferenceSchedule } from './schedule.js'
import { ReferenceSurface } from './surface.js'

/** Runs everything on the JavaScript thread, needs no addon. `fast` leaves results between operations unrounded. */
export class ReferenceDevice implements Device {
  readonly description: DeviceDescription
  #disposed = false
  #surfaces = 0

  constructor(math: MathMode) {
    this.description = Object.freeze({
      kind: 'reference',
      summary: 'reference interpreter',
      math,
      threads: 1,
      isa: 'javascript',
    })
  }

  createSurface(shape: readonly number[], dtype: SurfaceDtype, name = `surface${this.#surfaces}`): Surface {
    this.expectLive()
    this.#surfaces++
    return new ReferenceSurface(this, shape, dtype, name)
  }

  async compile(mil: string, options: CompileOptions = {}): Promise<Executable> {
    this.expectLive()
    if (typeof mil !== 'string') throw new TypeError(`Expected a MIL program for mil, got ${String(mil)}.`)
    return new ReferenceExecutable(this, mil, { ...options }, this.description.math)
  }

  createSchedule(): Schedule {
    this.expectLive()
    return new ReferenceSchedule(this)
  }

  dispose(): void {
    this.#disposed = true
  }

  /** @throws {TypeError} if the device is disposed */
  expectLive(): void {
    if (this.#disposed) throw new TypeError('Expected a live device, got a disposed one.')
  }
}
