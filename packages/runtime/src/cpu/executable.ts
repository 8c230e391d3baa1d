/** Programs of the CPU engine. */
import { captureStack, engineError } from '../ane-error.js'
import { checkDistinct, orderSurfaces } from '../bindings.js'
import type { Bindings, Executable, IoDescription } from '../device.js'
import type { Addon, ProgramHandle, SurfaceHandle } from './addon.js'
import { ownCpuSurface } from './surface.js'

/** A compiled function; runs of one device follow each other. */
export class CpuExecutable implements Executable {
  readonly name: string
  readonly inputs: readonly IoDescription[]
  readonly outputs: readonly IoDescription[]
  readonly flops: number
  readonly owner: { expectLive(): void }
  readonly #addon: Addon
  #handle: ProgramHandle | undefined

  constructor(owner: { expectLive(): void }, addon: Addon, handle: ProgramHandle, name: string) {
    const { inputs, outputs, flops } = addon.programDescribe(handle)
    this.owner = owner
    this.name = name
    this.inputs = inputs
    this.outputs = outputs
    this.flops = flops
    this.#addon = addon
    this.#handle = handle
  }

  /** @throws {TypeError} if the executable is disposed */
  get handle(): ProgramHandle {
    if (!this.#handle) throw new TypeError(`Expected a live executable, got ${this.name}, which is disposed.`)
    return this.#handle
  }

  async run(inputs: Bindings, outputs: Bindings): Promise<number> {
    const stack = captureStack(this.run)
    const [ordered, written] = this.bind(inputs, outputs)
    try {
      return await this.#addon.programRun(this.handle, ordered, written)
    } catch (cause) {
      throw engineError(cause, stack)
    }
  }

  runSync(inputs: Bindings, outputs: Bindings): number {
    const [ordered, written] = this.bind(inputs, outputs)
    try {
      return this.#addon.programRunSync(this.handle, ordered, written)
    } catch (cause) {
      throw engineError(cause, captureStack(this.runSync))
    }
  }

  /** Frees the program once no recorded schedule or run uses it. */
  dispose(): void {
    if (this.#handle) this.#addon.programDispose(this.#handle)
    this.#handle = undefined
  }

  /** Surfaces in the declared order. @throws {TypeError|RangeError} if they do not fit */
  bind(inputs: Bindings, outputs: Bindings): [SurfaceHandle[], SurfaceHandle[]] {
    this.owner.expectLive()
    void this.handle
    const own = (surface: Parameters<typeof ownCpuSurface>[1], name: string) => ownCpuSurface(this.owner, surface, name)
    const ordered = orderSurfaces('input', this.inputs, inputs, own)
    const written = orderSurfaces('output', this.outputs, outputs, own)
    checkDistinct(this, ordered, written)
    return [ordered.map((surface) => surface.handle), written.map((surface) => surface.handle)]
  }
}
