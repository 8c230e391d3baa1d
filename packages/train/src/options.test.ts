import { describe, expect, it } from 'vitest'
import { scheduleOf, trainingOptions } from './options.js'

describe('training options', () => {
  it('keep what is given and fill in the rest, ignoring undefined', () => {
    const options = trainingOptions({ maxSteps: 7, batchSize: undefined })
    expect(options.maxSteps).toBe(7)
    expect(options.batchSize).toBe(1)
  })

  it.each([
    [{ maxSteps: 0 }, /maxSteps, got 0/],
    [{ seqLen: 1.5 }, /seqLen, got 1.5/],
    [{ learningRate: Number.NaN }, /learningRate, got NaN/],
    [{ lossScale: 0 }, /lossScale, got 0/],
    [{ evalFraction: 0.9 }, /evalFraction, got 0.9/],
    [{ evalFraction: 0 }, /positive evalFraction/],
    [{ seed: -1 }, /seed, got -1/],
  ])('refuse %j', (given, message) => {
    expect(() => trainingOptions(given)).toThrow(message)
  })

  it('decay to the minimum at the last step unless told otherwise', () => {
    const at = (options: object) =>
      scheduleOf(trainingOptions({ learningRate: 1, minLrRatio: 0.1, warmupSteps: 0, ...options }))
    expect(at({ maxSteps: 10 })(10)).toBeCloseTo(0.1, 12)
    expect(at({ maxSteps: 10, decaySteps: 20 })(10)).toBeCloseTo(0.55, 12)
    expect(at({ lrScheduler: 'constant' })(900)).toBe(1)
  })
})
