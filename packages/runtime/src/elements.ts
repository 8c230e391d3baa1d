/** Numbers in a surface's bytes: fp16 as bits, everything else as its typed array. */
import { decodeFp16, encodeFp16 } from '@ane/mil'
import type { SurfaceDtype } from './device.js'
import { dtypeBytes } from './shapes.js'

/** Typed arrays that show a surface's memory; fp16 elements are their bits. */
export type ElementArray = Float32Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array

/** How fp16 elements are converted; the CPU device passes the vectorised pair. */
export interface Fp16Conversion {
  encode(values: Float32Array, out: Uint16Array): void
  decode(bits: Uint16Array, out: Float32Array): void
}

/** The scalar conversions of `@ane/mil`. */
export const scalarConversion: Fp16Conversion = { encode: encodeFp16, decode: decodeFp16 }

const arrays = {
  fp16: Uint16Array,
  fp32: Float32Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  bool: Uint8Array,
} as const

const integerRange: Partial<Record<SurfaceDtype, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  bool: [0, 1],
}

/** A typed array over the memory of a surface, borrowed. */
export function elementsOf(bytes: Uint8Array, dtype: SurfaceDtype): ElementArray {
  return new arrays[dtype](bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength / dtypeBytes[dtype])
}

/**
 * Stores `data` from element `offset` on. Floating-point values round to nearest even; integers must fit exactly.
 *
 * @throws {RangeError} if the data does not fit the surface or a value does not fit an integer type
 */
export function storeElements(
  bytes: Uint8Array,
  dtype: SurfaceDtype,
  data: ArrayLike<number>,
  offset: number,
  conversion: Fp16Conversion,
): void {
  const elements = elementsOf(bytes, dtype)
  const length = data?.length
  if (!Number.isSafeInteger(length) || length < 0)
    throw new TypeError(`Expected an array for data, got ${typeof data}.`)
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + length > elements.length) {
    throw new RangeError(
      `Expected at most ${elements.length} elements for write, got ${length} from element ${offset} on.`,
    )
  }
  const target = elements.subarray(offset, offset + length)
  if (dtype === 'fp16') {
    conversion.encode(data instanceof Float32Array ? data : Float32Array.from(data), target as Uint16Array)
    return
  }
  const range = integerRange[dtype]
  if (range) checkIntegers(data, range)
  target.set(data)
}

function checkIntegers(data: ArrayLike<number>, [min, max]: readonly [number, number]): void {
  for (let i = 0; i < data.length; i++) {
    if (!Number.isInteger(data[i]) || data[i] < min || data[i] > max) {
      throw new RangeError(`Expected an integer from ${min} to ${max} for element ${i}, got ${data[i]}.`)
    }
  }
}

/** All elements widened to fp32 in an array of their own. */
export function loadElements(bytes: Uint8Array, dtype: SurfaceDtype, conversion: Fp16Conversion): Float32Array {
  const elements = elementsOf(bytes, dtype)
  const out = new Float32Array(elements.length)
  if (dtype === 'fp16') conversion.decode(elements as Uint16Array, out)
  else out.set(elements)
  return out
}
