import { describe, expect, it } from 'vitest'
import { initialWeights } from './initialisation.js'
import { preset } from './presets.js'
import { Random } from './random.js'
import { checkWeights } from './weights.js'

const config = preset('stories260k')
const moments = (data: Float32Array) => {
  const mean = data.reduce((sum, x) => sum + x, 0) / data.length
  return [mean, Math.sqrt(data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length)]
}

describe('initial weights', () => {
  it('that do not fit into memory are refused with the one that does not', () => {
    const huge = { ...config, vocab_size: 2 ** 40 }
    expect(() => initialWeights(huge, 0)).toThrow(
      expect.objectContaining({
        code: 'OUT_OF_MEMORY',
        message: expect.stringMatching(
          /^Expected [\d.]+ GiB of free memory for the weights of a model, got less: model\.embed_tokens\.weight takes [\d.]+ GiB\./,
        ),
      }),
    )
  })

  it('depend on the seed alone', () => {
    const first = initialWeights(config, 42)
    expect(initialWeights(config, 42)).toEqual(first)
    expect(initialWeights(config, 43)).not.toEqual(first)
    checkWeights(config, first)
  })

  it('are normal with standard deviation 0.02, smaller where they write into the residual stream', () => {
    const weights = initialWeights(config, 1)
    const [mean, std] = moments(weights.get('model.embed_tokens.weight')!)
    expect(Math.abs(mean)).toBeLessThan(5e-4)
    expect(std).toBeCloseTo(0.02, 3)
    expect(moments(weights.get('model.layers.0.mlp.down_proj.weight')!)[1]).toBeCloseTo(0.02 / Math.sqrt(10), 3)
    expect(weights.get('model.norm.weight')).toEqual(new Float32Array(64).fill(1))
  })

  it('give every layer different numbers', () => {
    const weights = initialWeights(config, 1)
    const [a, b] = [0, 1].map((layer) => weights.get(`model.layers.${layer}.self_attn.q_proj.weight`)!)
    expect(a.filter((x, i) => x === b[i]).length).toBeLessThan(5)
  })
})

describe('the random generator', () => {
  it('has the numbers it always had', () => {
    const random = new Random(42)
    expect([random.uint32(), random.uint32(), random.uint32()]).toMatchInlineSnapshot(`
      [
        2968023918,
        1618811913,
        1362844522,
      ]
    `)
  })

  it('is uniform on [0, 1)', () => {
    const random = new Random(7, 3)
    const buckets = new Array(10).fill(0)
    for (let i = 0; i < 10000; i++) buckets[Math.floor(random.uniform() * 10)]++
    for (const count of buckets) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })

  it('refuses seeds that are no integers', () => {
    expect(() => new Random(-1)).toThrow(RangeError)
    expect(() => new Random(0.5)).toThrow(RangeError)
  })
})
