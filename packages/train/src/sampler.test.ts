import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { epochSampler, evaluationStarts } from './sampler.js'

describe('epoch sampler', () => {
  it('visits every window once an epoch, in an order that depends on seed and epoch', () => {
    const sampler = epochSampler({ trainTokens: 101, seqLen: 10, seed: 1 })
    const [first, second] = [sampler.next(10), sampler.next(10)]
    const sorted = (starts: number[]) => [...starts].sort((a, b) => a - b)
    expect(sorted(first)).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90])
    expect(new Set(second).size).toBe(10)
    expect(second).not.toEqual(first)
    expect(epochSampler({ trainTokens: 101, seqLen: 10, seed: 2 }).next(10)).not.toEqual(first)
  })

  it('never reads beyond the training tokens', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 500 }),
        fc.integer({ min: 1, max: 60 }),
        fc.nat(1000),
        (tokens, seqLen, seed) => {
          fc.pre(tokens > seqLen)
          const sampler = epochSampler({ trainTokens: tokens, seqLen, seed })
          for (const start of sampler.next(200)) {
            expect(start).toBeGreaterThanOrEqual(0)
            expect(start + seqLen + 1).toBeLessThanOrEqual(tokens)
          }
        },
      ),
    )
  })

  it('continues from a saved state with the very same windows', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), (before, after) => {
        const options = { trainTokens: 137, seqLen: 9, seed: 5 }
        const whole = epochSampler(options)
        whole.next(before)
        const resumed = epochSampler(options)
        resumed.load(JSON.parse(JSON.stringify(whole.state())))
        expect(resumed.next(after)).toEqual(whole.next(after))
      }),
    )
  })

  it('refuses a state that does not belong to the data', () => {
    const sampler = epochSampler({ trainTokens: 50, seqLen: 10, seed: 0 })
    expect(() => sampler.load({ epoch: 0, position: 99 })).toThrow(/position within 4 windows/)
    expect(() => epochSampler({ trainTokens: 10, seqLen: 10, seed: 0 })).toThrow(/at least 11 training tokens, got 10/)
  })

  it('spreads validation windows evenly and inside their part', () => {
    expect(evaluationStarts(100, 51, 10, 3)).toEqual([100, 120, 140])
    expect(evaluationStarts(100, 11, 10, 8)).toEqual([100])
  })
})
