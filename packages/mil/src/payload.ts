import { DTYPES } from './dtypes.js'
import { decodeFp16, encodeFp16 } from './fp16.js'
import type { Dtype, NumericData } from './ir.js'
import { floatFromBits, floatToBits } from './minifloat.js'
import { allocate } from './tensor.js'

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/**
 * Decodes the first `elements` elements of little-endian, packed bytes to the array that holds `dtype` in a program.
 *
 * The result is a copy; float types narrower than fp32 become the equal fp32 numbers.
 */
export function decodePayload(dtype: Dtype, bytes: Uint8Array, elements: number): NumericData {
  const { bits } = DTYPES[dtype]
  const data = allocate(dtype, elements)
  if (bits < 8) {
    const sign = dtype === 'int4' ? 8 : 0
    const mask = (1 << bits) - 1
    for (let i = 0; i < elements; i++) {
      const at = (i * bits) % 8
      const byte = Math.floor((i * bits) / 8)
      const pair = bytes[byte] | (at + bits > 8 ? bytes[byte + 1] << 8 : 0)
      data[i] = ((((pair >> at) & mask) ^ sign) - sign) as never
    }
    return data
  }
  const size = bits / 8
  if (dtype === 'fp16') {
    const patterns = new Uint16Array(elements)
    copyElements(bytes.subarray(0, elements * size), bytesOf(patterns), size)
    return decodeFp16(patterns, data as Float32Array)
  }
  if (dtype === 'bf16') {
    for (let i = 0; i < elements; i++) data[i] = floatFromBits(dtype, bytes[2 * i] | (bytes[2 * i + 1] << 8)) as never
  } else if (dtype === 'fp8e4m3fn' || dtype === 'fp8e5m2') {
    for (let i = 0; i < elements; i++) data[i] = floatFromBits(dtype, bytes[i]) as never
  } else copyElements(bytes.subarray(0, elements * size), bytesOf(data), size)
  return data
}

/**
 * Encodes elements to little-endian, packed bytes. Floats are rounded to `dtype`, to nearest even.
 *
 * @throws {RangeError} if an integer does not fit `dtype` or a finite number overflows it
 */
export function encodePayload(dtype: Dtype, data: ArrayLike<number | bigint>): Uint8Array {
  const { bits, kind } = DTYPES[dtype]
  const bytes = new Uint8Array(Math.ceil((data.length * bits) / 8))
  if (bits < 8) {
    checkIntegers(dtype, data)
    for (let i = 0; i < data.length; i++) {
      const at = (i * bits) % 8
      const byte = Math.floor((i * bits) / 8)
      const shifted = (Number(data[i]) & ((1 << bits) - 1)) << at
      bytes[byte] |= shifted
      if (shifted > 255) bytes[byte + 1] |= shifted >> 8
    }
    return bytes
  }
  if (kind !== 'float') {
    checkIntegers(dtype, data)
    const elements = allocate(dtype, data.length)
    const wide = elements instanceof BigInt64Array || elements instanceof BigUint64Array
    for (let i = 0; i < data.length; i++) elements[i] = (wide ? BigInt(data[i]) : Number(data[i])) as never
    copyElements(bytesOf(elements), bytes, bits / 8)
    return bytes
  }
  const elements = encodeFloats(dtype, data)
  copyElements(bytesOf(elements), bytes, bits / 8)
  return bytes
}

function encodeFloats(dtype: Dtype, data: ArrayLike<number | bigint>): NumericData {
  const floats = dtype === 'fp64' ? new Float64Array(data.length) : new Float32Array(data.length)
  for (let i = 0; i < data.length; i++) floats[i] = Number(data[i])
  let encoded: NumericData = floats
  let infinite = (i: number) => !Number.isFinite(floats[i])
  if (dtype === 'fp16') {
    const patterns =
      data instanceof Float32Array ? encodeFp16(data) : Uint16Array.from(data, (x) => floatToBits(dtype, Number(x)))
    encoded = patterns
    infinite = (i) => (patterns[i] & 0x7c00) === 0x7c00
  } else if (dtype === 'bf16' || dtype === 'fp8e4m3fn' || dtype === 'fp8e5m2') {
    const patterns = dtype === 'bf16' ? new Uint16Array(data.length) : new Uint8Array(data.length)
    for (let i = 0; i < data.length; i++) patterns[i] = floatToBits(dtype, Number(data[i]))
    encoded = patterns
    infinite = (i) => !Number.isFinite(floatFromBits(dtype, patterns[i]))
  }
  for (let i = 0; i < data.length; i++) {
    if (!infinite(i)) continue
    const x = Number(data[i])
    const kept = Number.isNaN(x) || (x !== 0 && Math.abs(x) === Infinity && dtype !== 'fp8e4m3fn')
    if (!kept) throw new RangeError(`Expected numbers within the range of ${dtype} for data, got ${x} at ${i}.`)
  }
  return encoded
}

function checkIntegers(dtype: Dtype, data: ArrayLike<number | bigint>): void {
  const { min, max } = DTYPES[dtype]
  const [low, high] = [Number(min), Number(max)]
  for (let i = 0; i < data.length; i++) {
    const x = data[i]
    const fits = typeof x === 'bigint' ? x >= min && x <= max : Number.isInteger(x) && x >= low && x <= high
    if (!fits) throw new RangeError(`Expected ${dtype} numbers for data, got ${x} at ${i}.`)
  }
}

function bytesOf(data: NumericData | Uint16Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** Copies elements between memory and file order, which is little-endian. */
function copyElements(from: Uint8Array, to: Uint8Array, size: number): void {
  to.set(from)
  if (LITTLE_ENDIAN || size === 1) return
  for (let i = 0; i < to.length; i += size) to.subarray(i, i + size).reverse()
}
