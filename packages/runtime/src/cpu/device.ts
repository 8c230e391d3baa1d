/** The CPU engine as a device. */
import { captureStack, engineError } from '../ane-error.js'
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
import type { Addon, DeviceHandle } from './addon.js'
import { CpuExecutable } from './executable.js'
import { CpuSchedule } from './schedule.js'
import { CpuSurface } from './surface.js'

const isaNames: Readonly<Record<string, string>> = {
  avx512: 'AVX-512',
  avx2: 'AVX2',
  neon: 'NEON',
  portable: 'portable C++',
}

/** Threads and working memory of the addon; its executables and schedules run one after the other. */
export class CpuDevice implements Device {
  readonly description: DeviceDescription
  readonly #addon: Addon
  #handle: DeviceHandle | undefined
  #surfaces = 0

  /** @throws {RangeError} if ANE_ISA names an instruction set this processor does not run */
  constructor(addon: Addon, threads: number, math: MathMode) {
    this.#addon = addon
    try {
      this.#handle = addon.deviceCreate(threads, math === 'exact')
    } catch (cause) {
      throw engineError(cause)
    }
    const { isa } = this.#handle
    const count = threads === 1 ? '1 thread' : `${threads} threads`
    const summary = `CPU engine, ${isaNames[isa] ?? isa}, ${count}`
    this.description = Object.freeze({ kind: 'cpu', summary, math, threads, isa })
  }

  createSurface(shape: readonly number[], dtype: SurfaceDtype, name = `surface${this.#surfaces}`): Surface {
    this.expectLive()
    this.#surfaces++
    return new CpuSurface(this, this.#addon, shape, dtype, name)
  }

  async compile(mil: string, options: CompileOptions = {}): Promise<Executable> {
    const stack = captureStack(this.compile)
    const device = this.expectLive()
    if (typeof mil !== 'string') throw new TypeError(`Expected a MIL program for mil, got ${String(mil)}.`)
    const { function: functionName = 'main', name = functionName, blobs, inputShapes, lenientBlobs = false } = options
    try {
      const program = await this.#addon.deviceCompile(
        device,
        mil,
        functionName,
        [...(blobs ?? [])],
        Object.entries(inputShapes ?? {}),
        lenientBlobs,
      )
      return new CpuExecutable(this, this.#addon, program, name)
    } catch (cause) {
      throw engineError(cause, stack)
    }
  }

  createSchedule(): Schedule {
    return new CpuSchedule(this, this.#addon, this.expectLive())
  }

  /** Waits for the run under way, then frees threads and working memory. */
  dispose(): void {
    if (this.#handle) this.#addon.deviceDispose(this.#handle)
    this.#handle = undefined
  }

  /** @throws {TypeError} if the device is disposed */
  expectLive(): DeviceHandle {
    if (!this.#handle) throw new TypeError('Expected a live device, got a disposed one.')
    return this.#handle
  }
}
