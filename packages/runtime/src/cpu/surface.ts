/** Surfaces of the addon's devices: memory of the addon, shown to JavaScript. */

import { engineError } from '../ane-error.js'
import type { Surface, SurfaceDtype } from '../device.js'
import { type Fp16Conversion, loadElements, storeElements } from '../elements.js'
import { checkSurface } from '../shapes.js'
import type { Addon, DeviceHandle, SurfaceHandle } from './addon.js'

/** 64-byte-aligned memory that programs, host kernels and JavaScript share. */
export class CpuSurface implements Surface {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: SurfaceDtype
  readonly owner: object
  readonly #addon: Addon
  #handle: SurfaceHandle | undefined

  /** @throws {AneError} code `OUT_OF_MEMORY`, or `ANE_UNAVAILABLE` if the system makes no surface */
  constructor(
    owner: object,
    addon: Addon,
    device: DeviceHandle,
    shape: readonly number[],
    dtype: SurfaceDtype,
    name: string,
  ) {
    checkSurface(shape, dtype)
    this.owner = owner
    this.name = name
    this.shape = Object.freeze([...shape])
    this.dtype = dtype
    this.#addon = addon
    try {
      this.#handle = addon.surfaceCreate(this.shape, dtype, device)
    } catch (cause) {
      throw engineError(cause)
    }
  }

  get disposed(): boolean {
    return this.#handle === undefined
  }

  /** @throws {TypeError} if the surface is disposed */
  get handle(): SurfaceHandle {
    if (!this.#handle) throw new TypeError(`Expected a live surface, got ${this.name}, which is disposed.`)
    return this.#handle
  }

  get bytes(): Uint8Array {
    return this.handle.bytes
  }

  get version(): number {
    return this.#addon.surfaceVersion(this.handle)
  }

  touch(): void {
    this.#addon.surfaceTouch(this.handle)
  }

  write(data: ArrayLike<number>, offset = 0): void {
    storeElements(this.bytes, this.dtype, data, offset, this.#conversion())
    this.touch()
  }

  toFloat32(): Float32Array {
    return loadElements(this.bytes, this.dtype, this.#conversion())
  }

  /** Frees the memory once no recorded schedule or run uses it; `bytes` taken earlier become empty. */
  dispose(): void {
    if (this.#handle) this.#addon.surfaceDispose(this.#handle)
    this.#handle = undefined
  }

  #conversion(): Fp16Conversion {
    return {
      encode: (values, out) => this.#addon.toFp16(out, values),
      decode: (bits, out) => this.#addon.fromFp16(out, bits),
    }
  }
}

/** @throws {TypeError} if the surface is of another device or disposed */
export function ownCpuSurface(owner: object, surface: Surface, name: string): CpuSurface {
  if (!(surface instanceof CpuSurface) || surface.owner !== owner) {
    throw new TypeError(`Expected a surface of this device for ${name}, got another object.`)
  }
  if (surface.disposed) throw new TypeError(`Expected a live surface for ${name}, got a disposed one.`)
  return surface
}
