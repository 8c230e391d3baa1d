/** Surfaces of the reference device: plain ArrayBuffers. */
import type { Surface, SurfaceDtype } from '../device.js'
import { loadElements, scalarConversion, storeElements } from '../elements.js'
import { checkSurface, dtypeBytes, elementCount } from '../shapes.js'

/** Tensor memory in an ArrayBuffer; fp16 elements are stored as bits. */
export class ReferenceSurface implements Surface {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: SurfaceDtype
  readonly owner: object
  #bytes: Uint8Array | undefined
  #version = 0

  constructor(owner: object, shape: readonly number[], dtype: SurfaceDtype, name: string) {
    checkSurface(shape, dtype)
    this.owner = owner
    this.name = name
    this.shape = Object.freeze([...shape])
    this.dtype = dtype
    this.#bytes = new Uint8Array(elementCount(shape) * dtypeBytes[dtype])
  }

  get disposed(): boolean {
    return this.#bytes === undefined
  }

  get bytes(): Uint8Array {
    if (!this.#bytes) throw new TypeError(`Expected a live surface, got ${this.name}, which is disposed.`)
    return this.#bytes
  }

  get version(): number {
    return this.#version
  }

  touch(): void {
    this.#version++
  }

  write(data: ArrayLike<number>, offset = 0): void {
    storeElements(this.bytes, this.dtype, data, offset, scalarConversion)
    this.touch()
  }

  toFloat32(): Float32Array {
    return loadElements(this.bytes, this.dtype, scalarConversion)
  }

  dispose(): void {
    this.#bytes = undefined
  }
}

/** @throws {TypeError} if the surface is of another device or disposed */
export function ownReferenceSurface(owner: object, surface: Surface, name: string): ReferenceSurface {
  if (!(surface instanceof ReferenceSurface) || surface.owner !== owner) {
    throw new TypeError(`Expected a surface of this device for ${name}, got another object.`)
  }
  if (surface.disposed) throw new TypeError(`Expected a live surface for ${name}, got a disposed one.`)
  return surface
}
