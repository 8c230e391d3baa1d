/** Schedules of the reference device: the same list, executed entry by entry in JavaScript. */
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
import { describeEntry, type EntryOptions } from '../schedule-entries.js'
import { isSurface } from '../views.js'
import { ReferenceExecutable } from './executable.js'
import type { CheckedOperands, ReferenceKernel } from './kernels/kernel.js'
import { checkOperands } from './kernels/operands.js'
import { matrixOver } from './matrix.js'
import { ownReferenceSurface, type ReferenceSurface } from './surface.js'

/** A recorded entry: what must still hold before an execution, and its work. */
interface Step {
  check(): void
  run(): void
}

/** A fixed list of program runs and host kernels, executed on the JavaScript thread. */
export class ReferenceSchedule implements Schedule {
  readonly #entries: ScheduleEntry[] = []
  readonly #steps: Step[] = []
  readonly #owner: { expectLive(): void }
  #executing = false

  constructor(owner: { expectLive(): void }) {
    this.#owner = owner
  }

  get entries(): readonly ScheduleEntry[] {
    return this.#entries
  }

  run(executable: Executable, inputs: Bindings, outputs: Bindings, options?: EntryOptions): this {
    this.#expectIdle()
    if (!(executable instanceof ReferenceExecutable) || executable.owner !== this.#owner) {
      throw new TypeError('Expected an executable of this device, got another object.')
    }
    const [ordered, written] = executable.bind(inputs, outputs)
    const surfaces = [...ordered, ...written]
    this.#entries.push(describeEntry('run', executable.name, options))
    this.#steps.push({
      check: () => {
        executable.expectLive()
        for (const surface of surfaces) this.#expectSurface(surface)
      },
      run: () => executable.runBound(ordered, written),
    })
    return this
  }

  kernel(name: string, operands: KernelOperands, options?: EntryOptions): this {
    this.#expectIdle()
    const [kernel, checked] = checkOperands(name, operands)
    const views = [...Object.values(checked.views), ...Object.values(checked.lists).flat()]
    for (const { of } of views) if (isSurface(of)) this.#expectSurface(of)
    const lengths = views.map(({ of }) => (isSurface(of) ? 0 : of.length))
    const written = writtenSurfaces(kernel, checked)
    this.#entries.push(describeEntry('kernel', name, options))
    this.#steps.push({
      check: () => {
        for (const [i, view] of views.entries()) this.#expectMemory(view, lengths[i])
      },
      run: () => {
        runKernel(kernel, checked)
        for (const surface of written) surface.touch()
      },
    })
    return this
  }

  async execute(): Promise<ScheduleTimes> {
    this.#begin()
    await new Promise(setImmediate)
    return this.#execute()
  }

  async executeThen(next: Schedule): Promise<FollowedTimes> {
    if (!(next instanceof ReferenceSchedule) || next.#owner !== this.#owner) {
      throw new TypeError('Expected a schedule of this device, got another object.')
    }
    this.#begin()
    try {
      next.#begin()
    } catch (error) {
      this.#executing = false
      throw error
    }
    await new Promise(setImmediate)
    let times: ScheduleTimes
    try {
      times = this.#execute()
    } catch (error) {
      next.#executing = false
      throw error
    }
    try {
      return { ...times, alongside: 0, next: next.#execute() }
    } catch (error) {
      return { ...times, alongside: 0, next: error as Error }
    }
  }

  executeSync(): ScheduleTimes {
    this.#begin()
    return this.#execute()
  }

  #begin(): void {
    this.#expectIdle()
    this.#owner.expectLive()
    for (const step of this.#steps) step.check()
    this.#executing = true
  }

  #execute(): ScheduleTimes {
    try {
      const entries = new Float64Array(this.#steps.length)
      const start = performance.now()
      for (const [i, step] of this.#steps.entries()) {
        const entryStart = performance.now()
        step.check()
        step.run()
        entries[i] = performance.now() - entryStart
      }
      return { total: performance.now() - start, entries }
    } finally {
      this.#executing = false
    }
  }

  #expectIdle(): void {
    if (this.#executing) throw new TypeError('Expected an idle schedule, got one that is executing.')
  }

  #expectSurface(surface: Parameters<typeof ownReferenceSurface>[1]): void {
    ownReferenceSurface(this.#owner, surface, 'the schedule')
  }

  #expectMemory({ of }: View, length: number): void {
    if (isSurface(of)) this.#expectSurface(of)
    else if (of.length !== length) {
      throw new TypeError('Expected the arrays of the schedule to keep their memory, got a detached one.')
    }
  }
}

function runKernel(kernel: ReferenceKernel, { views, lists, numbers }: CheckedOperands): void {
  kernel.run({
    matrices: Object.fromEntries(Object.entries(views).map(([name, view]) => [name, matrixOver(view)])),
    lists: Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, list.map(matrixOver)])),
    numbers,
  })
}

function writtenSurfaces(kernel: ReferenceKernel, { views }: CheckedOperands): ReferenceSurface[] {
  return Object.entries(views)
    .filter(([name, view]) => kernel.operands[name].written && isSurface(view.of))
    .map(([, view]) => view.of as ReferenceSurface)
}
