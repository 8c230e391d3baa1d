import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeFp16, encodeFp16, fp16FromBits, fp16ToBits, roundToFp16 } from './fp16.js'

const isNaNPattern = (bits: number) => (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0

function decodePattern(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

describe('fp16', () => {
  it('decodes and encodes all 65536 patterns, NaNs as quiet NaN', () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i)
    const values = decodeFp16(bits)
    const encoded = encodeFp16(values)
    let wrong = 0
    for (let i = 0; i < 65536; i++) {
      const nan = isNaNPattern(i)
      if (!Object.is(values[i], decodePattern(i)) || !Object.is(fp16FromBits(i), decodePattern(i))) wrong++
      if (fp16ToBits(values[i]) !== (nan ? 0x7e00 : i)) wrong++
      if (nan ? (encoded[i] & 0x7fff) !== 0x7e00 : encoded[i] !== i) wrong++
      if (!Object.is(roundToFp16(values[i]), values[i])) wrong++
    }
    expect(wrong).toBe(0)
  })

  it('rounds to nearest and ties to even between every two neighbours', () => {
    let wrong = 0
    for (let i = 0; i < 0x7bff; i++) {
      const low = decodePattern(i)
      const high = decodePattern(i + 1)
      const middle = (low + high) / 2
      const even = i % 2 === 0 ? low : high
      for (const sign of [1, -1]) {
        const cases: [number, number][] = [
          [middle, even],
          [middle * (1 - 2 ** -40), low],
          [middle * (1 + 2 ** -40), high],
        ]
        for (const [x, expected] of cases) {
          if (!Object.is(roundToFp16(sign * x), sign * expected)) wrong++
          if (decodePattern(fp16ToBits(sign * x)) !== sign * expected) wrong++
        }
        if (decodePattern(encodeFp16(Float32Array.of(sign * middle))[0]) !== sign * even) wrong++
      }
    }
    expect(wrong).toBe(0)
  })

  it('overflows to infinity at 65520 and keeps 65519.99 finite', () => {
    expect(roundToFp16(65520)).toBe(Infinity)
    expect(roundToFp16(-65520)).toBe(-Infinity)
    expect(roundToFp16(65519.99)).toBe(65504)
    expect(encodeFp16(Float32Array.of(65520, -65519.9, 1e30, NaN))).toEqual(
      Uint16Array.of(0x7c00, 0xfbff, 0x7c00, 0x7e00),
    )
    expect(roundToFp16(NaN)).toBeNaN()
  })

  it('keeps the sign of zero and rounds half the smallest subnormal to zero', () => {
    expect(roundToFp16(-0)).toBe(-0)
    expect(roundToFp16(-(2 ** -25))).toBe(-0)
    expect(fp16ToBits(-(2 ** -25))).toBe(0x8000)
    expect(roundToFp16(2 ** -25 * 1.0000001)).toBe(2 ** -24)
    expect(roundToFp16(Number.MIN_VALUE)).toBe(0)
  })

  it('encodes arrays of fp32 numbers as it encodes single ones', () => {
    fc.assert(
      fc.property(fc.float(), (x) => {
        const bits = encodeFp16(Float32Array.of(x))[0]
        return Number.isNaN(x) ? (bits & 0x7fff) === 0x7e00 : bits === fp16ToBits(x)
      }),
    )
  })

  it('writes into a given array and refuses a short one', () => {
    const out = new Uint16Array(3)
    expect(encodeFp16(Float32Array.of(1, 2), out)).toBe(out)
    expect(out).toEqual(Uint16Array.of(0x3c00, 0x4000, 0))
    expect(() => encodeFp16(new Float32Array(4), out)).toThrow(RangeError)
    expect(() => decodeFp16(new Uint16Array(4), new Float32Array(3))).toThrow(RangeError)
  })
})
