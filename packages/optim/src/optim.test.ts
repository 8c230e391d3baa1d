import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  AdamW,
  clipFactor,
  clipGradients,
  constantSchedule,
  cosineSchedule,
  dynamicLossScale,
  globalNorm,
  linearSchedule,
  parameter,
  staticLossScale,
} from './index.js'

describe('schedules', () => {
  it('warm up linearly, then fall along a cosine to the minimum and stay there', () => {
    const schedule = cosineSchedule({ learningRate: 1, minLearningRate: 0.1, warmupSteps: 4, decaySteps: 24 })
    expect([1, 2, 4].map(schedule)).toEqual([0.25, 0.5, 1])
    expect(schedule(14)).toBeCloseTo(0.55, 12)
    expect([24, 25, 1000].map(schedule)).toEqual([0.1, 0.1, 0.1])
  })

  it('fall along a straight line when linear, and not at all when constant', () => {
    const linear = linearSchedule({ learningRate: 1, warmupSteps: 0, decaySteps: 10 })
    expect(linear(5)).toBeCloseTo(0.5, 12)
    expect(linear(10)).toBe(0)
    const constant = constantSchedule({ learningRate: 0.3, warmupSteps: 2 })
    expect([1, 2, 1e6].map(constant)).toEqual([0.15, 0.3, 0.3])
  })

  it('never leave the range from the minimum to the peak after the warm-up', () => {
    fc.assert(
      fc.property(
        fc.nat(50),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 500 }),
        (warmup, decay, t) => {
          const lr = cosineSchedule({ learningRate: 2, minLearningRate: 0.5, warmupSteps: warmup, decaySteps: decay })(
            t,
          )
          expect(lr).toBeLessThanOrEqual(2)
          if (t > warmup) expect(lr).toBeGreaterThanOrEqual(0.5)
        },
      ),
    )
  })

  it('refuse settings that make no sense, naming them', () => {
    expect(() => cosineSchedule({ learningRate: -1, decaySteps: 5 })).toThrow(/learningRate, got -1/)
    expect(() => cosineSchedule({ learningRate: 1, decaySteps: 0 })).toThrow(/decaySteps, got 0/)
    expect(() => linearSchedule({ learningRate: 1, minLearningRate: 2, decaySteps: 5 })).toThrow(/minLearningRate/)
    expect(() => cosineSchedule({ learningRate: 1, decaySteps: 5 })(0)).toThrow(/for t, got 0/)
  })
})

describe('clipping', () => {
  it('scales gradients down to the largest norm and leaves small ones alone', () => {
    const gradients = [Float32Array.of(3, 0), Float32Array.of(4)]
    expect(clipGradients(gradients, 1)).toBe(5)
    expect(globalNorm(gradients)).toBeCloseTo(1, 5)
    expect(clipGradients([Float32Array.of(0.1)], 1)).toBeCloseTo(0.1, 7)
  })

  it('leaves gradients untouched and reports the norm when it is not finite', () => {
    const gradient = Float32Array.of(1, Number.NaN)
    expect(clipGradients([gradient], 1)).toBeNaN()
    expect(gradient[0]).toBe(1)
    expect(clipFactor(Number.POSITIVE_INFINITY, 1)).toBeNaN()
    expect(() => clipFactor(1, 0)).toThrow(/maxNorm, got 0/)
  })
})

describe('loss scale', () => {
  it('halves on overflow, doubles after a run of good steps, and stays in bounds', () => {
    const scale = dynamicLossScale({ initialScale: 4, growthInterval: 2, minScale: 2, maxScale: 8 })
    const seen = [true, true, true, true, false, false, false].map((finite) => {
      scale.update(finite)
      return scale.scale
    })
    expect(seen).toEqual([4, 8, 8, 8, 4, 2, 2])
  })

  it('continues from a saved state exactly', () => {
    const a = dynamicLossScale({ growthInterval: 3 })
    a.update(true)
    a.update(true)
    const b = dynamicLossScale({ growthInterval: 3 })
    b.load(a.state())
    a.update(true)
    b.update(true)
    expect(b.state()).toEqual(a.state())
    expect(() => b.load({ scale: Number.NaN, goodSteps: 0 })).toThrow(/for scale, got NaN/)
  })

  it('stays put when static', () => {
    const scale = staticLossScale(128)
    scale.update(false)
    expect(scale.scale).toBe(128)
    expect(() => staticLossScale(0)).toThrow(/scale, got 0/)
  })
})

describe('AdamW', () => {
  it('minimises a quadratic', async () => {
    const p = parameter('x', Float32Array.of(5, -3), { decay: false })
    const adamw = new AdamW([p])
    for (let t = 0; t < 400; t++) {
      for (let i = 0; i < 2; i++) p.gradient[i] = 2 * (p.value[i] - 1)
      await adamw.step(0.05)
    }
    expect(p.value[0]).toBeCloseTo(1, 2)
    expect(p.value[1]).toBeCloseTo(1, 2)
  })

  it('decays weights apart from the gradient, and norm weights not at all', async () => {
    const matrix = parameter('w', Float32Array.of(2), { decay: true })
    const norm = parameter('n', Float32Array.of(2), { decay: false })
    await new AdamW([matrix, norm], { weightDecay: 0.5 }).step(0.1)
    expect(matrix.value[0]).toBeCloseTo(2 * (1 - 0.05), 6)
    expect(norm.value[0]).toBe(2)
  })

  it('divides the loss scale out through the gradient scale', async () => {
    const plain = parameter('w', Float32Array.of(1), { decay: true })
    const scaled = parameter('w', Float32Array.of(1), { decay: true })
    plain.gradient[0] = 0.25
    scaled.gradient[0] = 256
    await new AdamW([plain]).step(0.1)
    await new AdamW([scaled]).step(0.1, 1 / 1024)
    expect(scaled.value[0]).toBe(plain.value[0])
  })

  it('hands all numbers to an injected kernel and counts its updates', async () => {
    const seen: number[] = []
    const adamw = new AdamW([], { beta1: 0.5, kernel: (_, h) => void seen.push(h.bias1) })
    await adamw.step(1)
    await adamw.step(1)
    adamw.resume(9)
    await adamw.step(1)
    expect(seen).toEqual([0.5, 0.75, 1 - 0.5 ** 10])
  })

  it('refuses a gradient scale that is not finite, instead of spoiling the weights', async () => {
    const p = parameter('w', Float32Array.of(1), { decay: true })
    await expect(new AdamW([p]).step(0.1, Number.NaN)).rejects.toThrow(/gradientScale, got NaN/)
    expect(p.value[0]).toBe(1)
    expect(() => new AdamW([{ ...p, m: new Float32Array(2) }])).toThrow(/1 elements for m of w, got 2/)
    expect(() => new AdamW([p], { beta1: 1 })).toThrow(/beta1, got 1/)
  })
})
