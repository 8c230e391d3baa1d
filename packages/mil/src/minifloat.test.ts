import { describe, expect, it } from 'vitest'
import { floatFromBits, floatToBits, roundToFloat } from './minifloat.js'

describe.each(['fp8e4m3fn', 'fp8e5m2', 'bf16'] as const)('%s', (dtype) => {
  const patterns = dtype === 'bf16' ? 65536 : 256

  it('encodes every decoded pattern to the same bits', () => {
    let wrong = 0
    for (let bits = 0; bits < patterns; bits++) {
      const value = floatFromBits(dtype, bits)
      if (!Number.isNaN(value) && floatToBits(dtype, value) !== bits) wrong++
      if (!Object.is(roundToFloat(dtype, value), value)) wrong++
    }
    expect(wrong).toBe(0)
  })

  it('rounds the middle of two neighbours to the even one', () => {
    let wrong = 0
    for (let bits = 0; bits < patterns / 2 - 1; bits++) {
      const [low, high] = [floatFromBits(dtype, bits), floatFromBits(dtype, bits + 1)]
      if (!Number.isFinite(high)) continue
      const even = bits % 2 === 0 ? low : high
      if (roundToFloat(dtype, (low + high) / 2) !== even) wrong++
      if (roundToFloat(dtype, -(low + high) / 2) !== -even) wrong++
    }
    expect(wrong).toBe(0)
  })
})

describe('float formats', () => {
  it('have the published largest values', () => {
    expect(floatFromBits('fp8e4m3fn', 0x7e)).toBe(448)
    expect(floatFromBits('fp8e5m2', 0x7b)).toBe(57344)
    expect(roundToFloat('fp8e4m3fn', 1000)).toBeNaN()
    expect(roundToFloat('fp8e5m2', 1e9)).toBe(Infinity)
    expect(roundToFloat('bf16', 3.4e38)).toBe(Infinity)
    expect(roundToFloat('bf16', 1.00390625)).toBe(1)
    expect(floatToBits('bf16', Math.fround(3.140625))).toBe(0x4049)
    expect(roundToFloat('fp32', 0.1)).toBe(Math.fround(0.1))
    expect(roundToFloat('fp64', 0.1)).toBe(0.1)
  })
})
