import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fp16FromBits } from './fp16.js'
import { parseHexFloat, printHexFloat } from './hex-float.js'

describe('hexadecimal floats', () => {
  it('print in the spelling of the compiler', () => {
    expect([1, -0.1875, 0, -0, Math.fround(Math.PI), 0.1].map(printHexFloat)).toEqual([
      '0x1p+0',
      '-0x1.8p-3',
      '0x0p+0',
      '-0x0p+0',
      '0x1.921fb6p+1',
      '0x1.999999999999ap-4',
    ])
    expect([Infinity, -Infinity, NaN].map(printHexFloat)).toEqual(['inf', '-inf', 'nan'])
  })

  it('normalise subnormals', () => {
    expect(printHexFloat(fp16FromBits(0x0001))).toBe('0x1p-24')
    expect(printHexFloat(fp16FromBits(0x03ff))).toBe('0x1.ff8p-15')
    expect(printHexFloat(Number.MIN_VALUE)).toBe('0x1p-1074')
  })

  it('come back exactly for every double', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (x) => {
        const text = printHexFloat(x)
        return Number.isFinite(x) ? Object.is(parseHexFloat(text), x) : parseHexFloat(text) === undefined
      }),
    )
    expect(parseHexFloat(printHexFloat(Number.MIN_VALUE))).toBe(Number.MIN_VALUE)
    expect(parseHexFloat(printHexFloat(Number.MAX_VALUE))).toBe(Number.MAX_VALUE)
  })

  it('read digits before and after the point and refuse anything else', () => {
    expect(parseHexFloat('0xff.8p-1')).toBe(127.75)
    expect(parseHexFloat('0x1p+999999')).toBe(Infinity)
    expect(parseHexFloat('0x1p-999999')).toBe(0)
    for (const text of ['0x', '0x1', '0xp+0', '0x1.8', '1p+0', '0x1p+', `0x${'1'.repeat(65)}p+0`]) {
      expect(parseHexFloat(text)).toBeUndefined()
    }
  })
})
