import { describe, expect, it } from 'vitest'
import { argmax, createSampler } from './sampling.js'

const logits = Float32Array.of(0, 2, 1, 2, -Infinity)

const frequencies = (options: Parameters<typeof createSampler>[0], draws = 4000): number[] => {
  const sample = createSampler(options)
  const counts = new Array(logits.length).fill(0)
  for (let i = 0; i < draws; i++) counts[sample(logits)]++
  return counts.map((count) => count / draws)
}

describe('sampling', () => {
  it('is greedy at temperature 0, the lowest id winning ties', () => {
    expect(createSampler()(logits)).toBe(1)
    expect(argmax(Float32Array.of(-3, -1, -2))).toBe(1)
  })

  it('draws in proportion to the softmax', () => {
    const weights = [1, Math.E ** 2, Math.E, Math.E ** 2, 0]
    const total = weights.reduce((sum, weight) => sum + weight)
    for (const [i, share] of frequencies({ temperature: 1 }).entries()) expect(share).toBeCloseTo(weights[i] / total, 1)
  })

  it('keeps the k most likely tokens', () => {
    const shares = frequencies({ temperature: 1, topK: 2 })
    expect([shares[0], shares[2], shares[4]]).toEqual([0, 0, 0])
    expect(shares[1]).toBeCloseTo(0.5, 1)
  })

  it('keeps the fewest tokens that reach top_p', () => {
    const shares = frequencies({ temperature: 1, topP: 0.81 })
    expect([shares[0], shares[4]]).toEqual([0, 0])
    expect(shares[2]).toBeGreaterThan(0)
    expect(frequencies({ temperature: 1, topP: 0.3 })[1]).toBe(1)
  })

  it('never chooses suppressed tokens, and leaves the logits as they are', () => {
    const before = logits.slice()
    expect(createSampler({ suppressTokens: [1] })(logits)).toBe(3)
    const shares = frequencies({ temperature: 1, suppressTokens: [1, 3] })
    expect([shares[1], shares[3], shares[4]]).toEqual([0, 0, 0])
    expect(shares[2]).toBeCloseTo(Math.E / (1 + Math.E), 1)
    expect(logits).toEqual(before)
    expect(() => createSampler({ temperature: 1, suppressTokens: [0, 1, 2, 3] })(logits)).toThrow(/finite/)
  })

  it('repeats with the same seed and differs with another', () => {
    const run = (seed: number) => {
      const sample = createSampler({ temperature: 1, seed })
      return Array.from({ length: 50 }, () => sample(logits))
    }
    expect(run(3)).toEqual(run(3))
    expect(run(3)).not.toEqual(run(4))
  })

  it('refuses options out of range and logits that are no numbers', () => {
    expect(() => createSampler({ temperature: -1 })).toThrow(/temperature/)
    expect(() => createSampler({ topK: 1.5 })).toThrow(/top_k/)
    expect(() => createSampler({ topP: 0 })).toThrow(/top_p/)
    expect(() => argmax(Float32Array.of(1, NaN))).toThrow(/token 1/)
    expect(() => createSampler({ temperature: 1 })(Float32Array.of(Infinity, 0))).toThrow(/finite/)
  })
})
