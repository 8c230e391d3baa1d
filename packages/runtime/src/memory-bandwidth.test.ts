import { describe, expect, it } from 'vitest'
import { measureMemoryBandwidth } from './index.js'

describe('measureMemoryBandwidth', () => {
  it('measures reading and copying at speeds memory has, without blocking the event loop', async () => {
    let ticks = 0
    const timer = setInterval(() => ticks++, 5)
    const { read, copy } = await measureMemoryBandwidth({ threads: 1, milliseconds: 10 })
    clearInterval(timer)
    for (const rate of [read, copy]) {
      expect(rate).toBeGreaterThan(1e8)
      expect(rate).toBeLessThan(1e13)
    }
    expect(ticks).toBeGreaterThan(2)
  })

  it('refuses numbers of threads and milliseconds it cannot use', async () => {
    await expect(measureMemoryBandwidth({ threads: 0 })).rejects.toThrow(
      /^Expected an integer from 1 to \d+ for threads/,
    )
    for (const milliseconds of [0, 1.5, Number.NaN, 60_001, '9' as never]) {
      await expect(measureMemoryBandwidth({ milliseconds })).rejects.toThrow('milliseconds')
    }
  })
})
