import { afterEach, describe, expect, it } from 'vitest'
import { measurePeakFlops, openDevice } from './index.js'

describe('measurePeakFlops', () => {
  afterEach(() => {
    delete process.env.ANE_ISA
  })

  it('measures more than any processor without vectors reaches, without blocking the event loop', async () => {
    let ticks = 0
    const timer = setInterval(() => ticks++, 5)
    const peak = await measurePeakFlops({ threads: 1, milliseconds: 60 })
    clearInterval(timer)
    expect(peak).toBeGreaterThan(1e9)
    expect(peak).toBeLessThan(1e13)
    expect(ticks).toBeGreaterThan(2)
  })

  it('uses every core by default', async () => {
    expect(await measurePeakFlops({ milliseconds: 10 })).toBeGreaterThan(1e9)
  })

  it('measures bf16 where the description of a fast device names it, and int8 everywhere', async () => {
    const device = await openDevice('cpu', { math: 'fast', threads: 1 })
    const { arithmetic } = device.description
    device.dispose()
    const bf16 = await measurePeakFlops({ factors: 'bf16', milliseconds: 10 })
    if (arithmetic === 'bf16') expect(bf16).toBeGreaterThan(1e9)
    else expect(bf16).toBeNull()
    const int8 = await measurePeakFlops({ factors: 'int8', milliseconds: 10 })
    expect(int8).toBeGreaterThan(1e9)
    await expect(measurePeakFlops({ factors: 'fp64' as never })).rejects.toThrow('Expected fp32, bf16 or int8')
  })

  it('refuses numbers of threads and milliseconds it cannot use', async () => {
    await expect(measurePeakFlops({ threads: 0 })).rejects.toThrow(/^Expected an integer from 1 to \d+ for threads/)
    for (const milliseconds of [0, 1.5, Number.NaN, 60_001, '9' as never]) {
      await expect(measurePeakFlops({ milliseconds })).rejects.toThrow('milliseconds')
    }
    process.env.ANE_ISA = 'mmx'
    await expect(measurePeakFlops()).rejects.toThrow(RangeError)
  })
})
