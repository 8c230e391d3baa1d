/**
 * IEEE 754 binary16, held as fp32 or JavaScript numbers that are exactly representable in it.
 *
 * Rounding is to nearest, ties to even, once from the given number; subnormals and infinities are kept.
 */

const f64 = new Float64Array(1)
const f64Words = new Uint32Array(f64.buffer)
const f32 = new Float32Array(1)
const f32Bits = new Uint32Array(f32.buffer)
const HIGH_WORD = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0

const FP16_OVERFLOW = 65520
const MIN_EXPONENT = -14

/** Adding and subtracting entry `e` rounds a double of biased exponent `e` to 11 significant bits, or to 2^-24. */
const ROUNDERS = Float64Array.from({ length: 2048 }, (_, biased) => {
  const exponent = Math.max(biased - 1023, MIN_EXPONENT)
  return exponent > 15 ? 0 : 2 ** (exponent + 42)
})

/** Rounds a number to the nearest fp16 value; 65520 and above become infinite. */
export function roundToFp16(x: number): number {
  const magnitude = Math.abs(x)
  if (magnitude >= FP16_OVERFLOW) return x < 0 ? -Infinity : Infinity
  f64[0] = magnitude
  const rounder = ROUNDERS[f64Words[HIGH_WORD] >>> 20]
  const rounded = magnitude + rounder - rounder
  return x < 0 || Object.is(x, -0) ? -rounded : rounded
}

/** Encodes the bits of one fp32 number, rounding to nearest even. Every NaN becomes the quiet NaN of its sign. */
function encodeFloat32Bits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude >= 0x47800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00)
  if (magnitude >= 0x38800000) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
  f32Bits[0] = magnitude
  f32[0] += 0.5
  return sign | (f32Bits[0] - 0x3f000000)
}

/** Returns the 16 bits of a number rounded to fp16. NaN becomes `0x7e00`. */
export function fp16ToBits(x: number): number {
  if (Number.isNaN(x)) return 0x7e00
  f32[0] = roundToFp16(x)
  return encodeFloat32Bits(f32Bits[0])
}

function decodeBits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >>> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (1024 + fraction) * 2 ** (exponent - 25)
}

let table: Float32Array | undefined

function decodeTable(): Float32Array {
  table ??= Float32Array.from({ length: 65536 }, (_, bits) => decodeBits(bits))
  return table
}

/** Returns the value of 16 fp16 bits; higher bits are ignored. */
export function fp16FromBits(bits: number): number {
  return decodeTable()[bits & 0xffff]
}

/**
 * Rounds fp32 numbers to fp16 bits, into `out` when given.
 *
 * @throws {RangeError} if `out` is shorter than `values`
 */
export function encodeFp16(values: Float32Array, out: Uint16Array = new Uint16Array(values.length)): Uint16Array {
  if (out.length < values.length) {
    throw new RangeError(`Expected at least ${values.length} elements for out, got ${out.length}.`)
  }
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < bits.length; i++) out[i] = encodeFloat32Bits(bits[i])
  return out
}

/**
 * Decodes fp16 bits to the exactly equal fp32 numbers, into `out` when given.
 *
 * @throws {RangeError} if `out` is shorter than `bits`
 */
export function decodeFp16(bits: Uint16Array, out: Float32Array = new Float32Array(bits.length)): Float32Array {
  if (out.length < bits.length) {
    throw new RangeError(`Expected at least ${bits.length} elements for out, got ${out.length}.`)
  }
  const values = decodeTable()
  for (let i = 0; i < bits.length; i++) out[i] = values[bits[i]]
  return out
}
