import { fp16FromBits, fp16ToBits, roundToFp16 } from './fp16.js'
import type { Dtype } from './ir.js'

/** bf16 and the two 8-bit formats; fp16 has its own module. */
const FORMATS = {
  bf16: { exponentBits: 8, fractionBits: 7, infinity: true, max: (2 - 2 ** -7) * 2 ** 127 },
  fp8e4m3fn: { exponentBits: 4, fractionBits: 3, infinity: false, max: 448 },
  fp8e5m2: { exponentBits: 5, fractionBits: 2, infinity: true, max: 57344 },
} as const

type Minifloat = keyof typeof FORMATS

function isMinifloat(dtype: Dtype): dtype is Minifloat {
  return Object.hasOwn(FORMATS, dtype)
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x)
  const rest = x - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
}

function roundToMinifloat(dtype: Minifloat, x: number): number {
  const { exponentBits, fractionBits, infinity, max } = FORMATS[dtype]
  const magnitude = Math.abs(x)
  if (magnitude === 0 || Number.isNaN(x)) return x
  const overflow = infinity ? Infinity : NaN
  if (magnitude === Infinity) return Math.sign(x) * overflow
  const minExponent = 2 - 2 ** (exponentBits - 1)
  let exponent = Math.floor(Math.log2(magnitude))
  if (2 ** exponent > magnitude) exponent--
  if (2 ** (exponent + 1) <= magnitude) exponent++
  const step = 2 ** (Math.max(exponent, minExponent) - fractionBits)
  const rounded = roundHalfEven(magnitude / step) * step
  return (x < 0 ? -1 : 1) * (rounded > max ? overflow : rounded)
}

/**
 * Rounds a number to a floating-point dtype, to nearest, ties to even.
 *
 * Too large values become infinite, in fp8e4m3fn (which has no infinity) NaN.
 */
export function roundToFloat(dtype: Dtype, x: number): number {
  if (dtype === 'fp16') return roundToFp16(x)
  if (dtype === 'fp32') return Math.fround(x)
  return isMinifloat(dtype) ? roundToMinifloat(dtype, x) : x
}

/** Returns the bits of a number rounded to fp16, bf16 or an 8-bit float. */
export function floatToBits(dtype: 'fp16' | Minifloat, x: number): number {
  if (dtype === 'fp16') return fp16ToBits(x)
  const { exponentBits, fractionBits, infinity } = FORMATS[dtype]
  const rounded = roundToMinifloat(dtype, x)
  const sign = rounded < 0 || Object.is(rounded, -0) ? 1 << (exponentBits + fractionBits) : 0
  const top = ((1 << exponentBits) - 1) << fractionBits
  if (Number.isNaN(rounded)) return infinity ? top | (1 << (fractionBits - 1)) : top | ((1 << fractionBits) - 1)
  const magnitude = Math.abs(rounded)
  if (magnitude === Infinity) return sign | top
  const bias = 2 ** (exponentBits - 1) - 1
  const smallest = 2 ** (1 - bias)
  if (magnitude < smallest) return sign | (magnitude * 2 ** (bias - 1 + fractionBits))
  let exponent = Math.floor(Math.log2(magnitude))
  if (2 ** exponent > magnitude) exponent--
  const fraction = (magnitude / 2 ** exponent - 1) * 2 ** fractionBits
  return sign | ((exponent + bias) << fractionBits) | fraction
}

/** Returns the value of the bits of an fp16, bf16 or 8-bit float. */
export function floatFromBits(dtype: 'fp16' | Minifloat, bits: number): number {
  if (dtype === 'fp16') return fp16FromBits(bits)
  const { exponentBits, fractionBits, infinity } = FORMATS[dtype]
  const sign = (bits >> (exponentBits + fractionBits)) & 1 ? -1 : 1
  const exponent = (bits >> fractionBits) & ((1 << exponentBits) - 1)
  const fraction = bits & ((1 << fractionBits) - 1)
  const bias = 2 ** (exponentBits - 1) - 1
  const special = exponent === (1 << exponentBits) - 1
  if (special && infinity) return fraction ? NaN : sign * Infinity
  if (special && fraction === (1 << fractionBits) - 1) return NaN
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias - fractionBits)
  return sign * (1 + fraction * 2 ** -fractionBits) * 2 ** (exponent - bias)
}
