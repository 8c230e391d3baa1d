/** Schedules of the CPU engine: recorded here, executed by the addon without entering JavaScript. */
import { captureStack, engineError } from '../ane-error.js'
import type {
  Bindings,
  Executable,
  FollowedTimes,
  KernelOperands,
  Schedule,
  ScheduleEntry,
  ScheduleTimes,
  View,
} from '../device.js'
import { checkOperands } from '../reference/kernels/operands.js'
import { describeEntry, type EntryOptions } from '../schedule-entries.js'
import { isSurface } from '../views.js'
import type { Addon, DeviceHandle, NativeView, ScheduleHandle, SurfaceHandle } from './addon.js'
import { CpuExecutable } from './executable.js'
import { ownCpuSurface } from './surface.js'

/**
 * A fixed list of program runs and host kernels. Arrays it names must not be transferred while it executes; one that
 * was transferred before is an error.
 */
export class CpuSchedule implements Schedule {
  readonly #owner: { expectLive(): void }
  readonly #addon: Addon
  readonly #handle: ScheduleHandle
  readonly #entries: ScheduleEntry[] = []

  constructor(owner: { expectLive(): void }, addon: Addon, device: DeviceHandle) {
    this.#owner = owner
    this.#addon = addon
    this.#handle = addon.scheduleCreate(device)
  }

  get entries(): readonly ScheduleEntry[] {
    return this.#entries
  }

  run(executable: Executable, inputs: Bindings, outputs: Bindings, options?: EntryOptions): this {
    if (!(executable instanceof CpuExecutable) || executable.owner !== this.#owner) {
      throw new TypeError('Expected an executable of this device, got another object.')
    }
    const [ordered, written] = executable.bind(inputs, outputs)
    try {
      this.#addon.scheduleRun(this.#handle, executable.handle, ordered, written)
    } catch (cause) {
      throw engineError(cause)
    }
    this.#entries.push(describeEntry('run', executable.name, options))
    return this
  }

  kernel(name: string, operands: KernelOperands, options?: EntryOptions): this {
    const [kernel, { views, lists, numbers }] = checkOperands(name, operands)
    const written = Object.entries(views)
      .filter(([key, { of }]) => kernel.operands[key].written && isSurface(of))
      .map(([key, view]) => this.#memory(view, key) as SurfaceHandle)
    const native: [string, number | NativeView[]][] = [
      ...Object.entries(views).map(([key, view]): [string, NativeView[]] => [key, [this.#view(view, key)]]),
      ...Object.entries(lists).map(([key, list]): [string, NativeView[]] => [key, list.map((v) => this.#view(v, key))]),
      ...Object.entries(numbers),
    ]
    try {
      this.#addon.scheduleKernel(this.#handle, name, native, written)
    } catch (cause) {
      throw engineError(cause)
    }
    this.#entries.push(describeEntry('kernel', name, options))
    return this
  }

  async execute(): Promise<ScheduleTimes> {
    const stack = captureStack(this.execute)
    const entries = new Float64Array(this.#entries.length)
    try {
      const total = await this.#addon.scheduleExecute(this.#handle, entries)
      return { total, entries }
    } catch (cause) {
      throw engineError(cause, stack)
    }
  }

  async executeThen(next: Schedule): Promise<FollowedTimes> {
    const stack = captureStack(this.executeThen)
    if (!(next instanceof CpuSchedule) || next.#owner !== this.#owner) {
      throw new TypeError('Expected a schedule of this device, got another object.')
    }
    const entries = new Float64Array(this.#entries.length)
    const nextEntries = new Float64Array(next.#entries.length)
    try {
      const times = await this.#addon.scheduleExecuteThen(this.#handle, entries, next.#handle, nextEntries)
      const [total, alongside, end] = times
      const following = typeof end === 'number' ? { total: end, entries: nextEntries } : engineError(end, stack)
      return { total, entries, alongside, next: following }
    } catch (cause) {
      throw engineError(cause, stack)
    }
  }

  executeSync(): ScheduleTimes {
    const entries = new Float64Array(this.#entries.length)
    try {
      return { total: this.#addon.scheduleExecuteSync(this.#handle, entries), entries }
    } catch (cause) {
      throw engineError(cause, captureStack(this.executeSync))
    }
  }

  #view(view: View, name: string): NativeView {
    return { ...view, of: this.#memory(view, name) }
  }

  #memory({ of }: View, name: string): NativeView['of'] {
    return isSurface(of) ? ownCpuSurface(this.#owner, of, name).handle : of
  }
}
