import { type Device, openDevice } from '@ane/runtime'
import { beforeAll, describe, expect, it } from 'vitest'
import { modelConfig } from '../config.js'
import { initialWeights } from '../initialisation.js'
import type { TrainStepOptions } from './step-options.js'
import { createTrainStep } from './training-step.js'

const config = modelConfig({
  model_type: 'qwen3',
  hidden_size: 12,
  intermediate_size: 20,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 6,
  vocab_size: 17,
  max_position_embeddings: 8,
  tie_word_embeddings: false,
  residual_multiplier: 0.75,
})

/** Weights large enough that every part of the model matters. */
const weights = (seed = 5) =>
  new Map(
    [...initialWeights(config, seed)].map(([name, data]) => [name, data.map((w) => (data[0] === 1 ? w : 15 * w))]),
  )

const hyper = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, step: 1, gradScale: 1 }

let device: Device
beforeAll(async () => {
  device = await openDevice('reference', {})
})

async function prepared(options: Partial<TrainStepOptions> = {}, model = config) {
  const step = await createTrainStep(device, model, {
    batchSize: 2,
    seqLen: 5,
    dtype: 'fp32',
    weights: weights(),
    ...options,
  })
  step.tokens.set([1, 4, 2, 9, 16, 0, 3, 3, 8, 2])
  step.targets.set([4, 2, 9, 16, -1, 3, 3, 8, 2, -100])
  return step
}

describe('a training step', () => {
  it('refuses updates that would leave weights that are no numbers', async () => {
    const step = await prepared()
    const before = step.parameters.get('model.norm.weight')!.slice()
    for (const change of [{ learningRate: Number.NaN }, { gradScale: Number.POSITIVE_INFINITY }, { eps: 0 }]) {
      await expect(step.adamw({ ...hyper, ...change })).rejects.toThrow(Object.keys(change)[0])
    }
    await expect(step.adamw({ ...hyper, beta2: 1 })).rejects.toThrow(/below 1 for beta2, got 1/)
    await expect(step.adamw({ ...hyper, step: 0 })).rejects.toThrow(/step, got 0/)
    expect(step.parameters.get('model.norm.weight')).toEqual(before)
  })

  it('has the gradients of finite differences for every kind of weight, with clipping and residual scaling', async () => {
    const step = await prepared({}, { ...config, activation_clip: 3 })
    await step.forwardBackward(4)
    const gradients = new Map([...step.gradients].map(([name, data]) => [name, data.slice()]))
    for (const [name, gradient] of gradients) {
      const index = gradient.reduce((best, g, i) => (Math.abs(g) > Math.abs(gradient[best]) ? i : best), 0)
      const values = step.parameters.get(name)!
      const original = values[index]
      const difference = 2e-3
      const loss = async (delta: number) => {
        values[index] = original + delta
        await step.stage()
        return (await step.evaluate()).loss
      }
      const slope = ((await loss(difference)) - (await loss(-difference))) / (2 * difference)
      values[index] = original
      expect(Math.abs(gradient[index] / 4 - slope), name).toBeLessThan(2e-3 + 0.02 * Math.abs(slope))
    }
  })

  it('adds gradients up until they are zeroed', async () => {
    const step = await prepared()
    const { loss, count, times } = await step.forwardBackward(1)
    expect(count).toBe(8)
    expect(loss).toBeGreaterThan(1)
    expect(times.device_forward).toBeGreaterThan(0)
    const once = await step.gradNorm()
    await step.forwardBackward(1)
    expect(await step.gradNorm()).toBeCloseTo(2 * once, 5)
    step.zeroGradients()
    expect(await step.gradNorm()).toBe(0)
  })

  it('has zero gradients before the first pass, after an update and once zeroed, whoever reads them', async () => {
    const step = await prepared()
    const allZero = () => [...step.gradients.values()].every((gradient) => gradient.every((g) => g === 0))
    expect(allZero()).toBe(true)
    for (const forget of [() => step.adamw(hyper), () => step.zeroGradients()]) {
      await step.forwardBackward(1)
      expect(allZero()).toBe(false)
      await forget()
      expect(await step.gradNorm()).toBe(0)
      expect(allZero()).toBe(true)
    }
  })

  it.for([true, false])('forgets every row of the step before, tied: %s', async (tied) => {
    const model = { ...config, tie_word_embeddings: tied }
    const options = { weights: new Map([...weights()].filter(([name]) => !tied || name !== 'lm_head.weight')) }
    for (const compactVocabulary of [undefined, Int32Array.of(0, 2, 3, 4, 5, 8, 9, 16)]) {
      const copies = () => new Map([...options.weights].map(([name, data]) => [name, data.slice()]))
      const used = await prepared({ compactVocabulary, weights: copies() }, model)
      const fresh = await prepared({ compactVocabulary, weights: copies() }, model)
      await used.forwardBackward(1)
      await used.evaluate()
      await used.forwardBackward(1)
      used.zeroGradients()
      for (const step of [used, fresh]) {
        step.tokens.set([5, 5, 6, 7, 5, 5, 6, 7, 5, 5])
        step.targets.fill(5)
        await step.forwardBackward(2)
        await step.evaluate()
      }
      expect(await used.gradNorm()).toBe(await fresh.gradNorm())
      for (const [name, gradient] of fresh.gradients) expect(used.gradients.get(name), name).toEqual(gradient)
      await used.adamw(hyper)
      await used.forwardBackward(2)
      await fresh.adamw(hyper)
      await fresh.forwardBackward(2)
      for (const [name, gradient] of fresh.gradients) expect(used.gradients.get(name), name).toEqual(gradient)
    }
  })

  it.for([
    {},
    { tied: true },
    { hostOps: ['rmsnorm', 'residual'] as const },
    { compactVocabulary: Int32Array.of(0, 2, 3, 4, 5, 8, 9, 16) },
    { tied: true, compactVocabulary: Int32Array.of(0, 2, 3, 4, 5, 8, 9, 16) },
  ])('has the norm of its gradients, with %o', async ({ tied = false, ...options }) => {
    const model = { ...config, tie_word_embeddings: tied }
    const own = new Map([...weights()].filter(([name]) => !tied || name !== 'lm_head.weight'))
    const step = await prepared({ ...options, weights: own }, model)
    for (const update of [1, 2]) {
      for (const token of [7, 4]) {
        step.tokens[0] = token
        await step.forwardBackward(2)
        const norm = await step.gradNorm()
        const arrays = [...step.gradients.values()].map((gradient) => Float64Array.from(gradient))
        const squares = arrays.map((gradient) => gradient.reduce((sum, g) => sum + g * g, 0))
        expect(norm / Math.sqrt(squares.reduce((sum, s) => sum + s))).toBeCloseTo(1, 12)
        expect(await step.gradNorm()).toBe(norm)
      }
      await step.adamw({ ...hyper, step: update })
    }
  })

  it('counts what was written to gradients from outside, in norm and update', async () => {
    const step = await prepared()
    await step.forwardBackward(1)
    const [table, row] = [step.gradients.get('model.embed_tokens.weight')!, 12 * 7]
    expect(table[row]).toBe(0)
    table[row] = 1000
    expect(await step.gradNorm()).toBeGreaterThan(999)
    table[row] = -2000
    const before = step.parameters.get('model.embed_tokens.weight')![row]
    await step.adamw({ ...hyper, weightDecay: 0 })
    expect(step.parameters.get('model.embed_tokens.weight')![row]).toBeCloseTo(before + hyper.learningRate, 6)
  })

  it('adds to gradients that were read or written from outside', async () => {
    const step = await prepared()
    await step.forwardBackward(1)
    const once = step.gradients.get('model.norm.weight')![0]
    step.zeroGradients()
    step.gradients.get('model.norm.weight')![0] = 100
    await step.forwardBackward(1)
    expect(step.gradients.get('model.norm.weight')![0]).toBeCloseTo(100 + once, 3)
  })

  it('decays moments by an update without a pass before it', async () => {
    const step = await prepared()
    await step.forwardBackward(1)
    await step.adamw(hyper)
    const before = step.firstMoments.get('model.norm.weight')!.slice()
    await step.adamw({ ...hyper, step: 2 })
    expect(step.firstMoments.get('model.norm.weight')).toEqual(before.map((m) => Math.fround(m * 0.9)))
  })

  it('computes the same with every binding and cut', async () => {
    const outcomes: [number, number, number][] = []
    for (const binding of ['inputs', 'packed', 'baked'] as const) {
      for (const layersPerProgram of ['half', 1, 'all'] as const) {
        const step = await prepared({ binding, layersPerProgram })
        const { loss } = await step.forwardBackward(1)
        const norm = await step.gradNorm()
        await step.adamw(hyper)
        outcomes.push([loss, norm, (await step.evaluate()).loss])
        step.dispose()
      }
    }
    for (const outcome of outcomes) {
      for (const i of [0, 1, 2]) expect(outcome[i]).toBeCloseTo(outcomes[0][i], 4)
      expect(outcome[2]).toBeLessThan(outcome[0])
    }
  })

  it('computes the same with norms and residual additions on the host', async () => {
    const outcome = async (options: Partial<TrainStepOptions>) => {
      const step = await prepared({ layersPerProgram: 'half', ...options })
      const { loss } = await step.forwardBackward(1)
      const norm = await step.gradNorm()
      await step.adamw(hyper)
      const after = (await step.evaluate()).loss
      step.dispose()
      return [loss, norm, after]
    }
    const expected = await outcome({})
    for (const binding of ['inputs', 'packed', 'baked'] as const) {
      for (const hostOps of [['rmsnorm'], ['residual'], ['rmsnorm', 'residual']] as const) {
        const values = await outcome({ binding, hostOps })
        for (const i of [0, 1, 2]) expect(values[i], `${binding} ${hostOps}`).toBeCloseTo(expected[i], 4)
      }
    }
  })

  it('refuses host operations that do not stand between programs', async () => {
    await expect(prepared({ layersPerProgram: 1, hostOps: ['rmsnorm'] })).rejects.toThrow(
      /Expected half for layers_per_program with host_ops rmsnorm, got 1/,
    )
    await expect(prepared({ hostOps: ['softmax' as never] })).rejects.toThrow(/rmsnorm or residual for host_ops/)
    await expect(prepared({ hostOps: ['residual'] }, { ...config, activation_clip: 3 })).rejects.toThrow(
      /activation_clip/,
    )
  })

  it('compiles baked programs in the background and runs the next step with the new weights', async () => {
    const step = await prepared({ binding: 'baked', layersPerProgram: 'half' })
    const other = await prepared({ binding: 'inputs', layersPerProgram: 'half' })
    const perUpdate = 2 * 2 * config.num_hidden_layers
    expect([step.compiles, other.compiles]).toEqual([perUpdate, 4])
    for (let update = 1; update <= 3; update++) {
      const losses = [(await step.forwardBackward(1)).loss, (await other.forwardBackward(1)).loss]
      expect(losses[0]).toBeCloseTo(losses[1], 4)
      await step.adamw({ ...hyper, step: update })
      await other.adamw({ ...hyper, step: update })
    }
    const { times } = await step.forwardBackward(1)
    expect(times.compile).toBeGreaterThan(0)
    expect([step.compiles, other.compiles]).toEqual([4 * perUpdate, 4])
    await step.adamw({ ...hyper, step: 4 })
    step.dispose()
    await expect(step.evaluate()).rejects.toThrow(/disposed/)
  })

  it('never runs old baked programs after new ones failed to compile', async () => {
    let failing = false
    const broken: Device = {
      description: device.description,
      createSurface: (...surface) => device.createSurface(...surface),
      compile: async (...program) => {
        if (failing) throw new Error('no compiler')
        return device.compile(...program)
      },
      createSchedule: () => device.createSchedule(),
      dispose: () => {},
    }
    const options = { batchSize: 2, seqLen: 5, dtype: 'fp32', weights: weights(), binding: 'baked' } as const
    const step = await createTrainStep(broken, config, options)
    step.tokens.fill(1)
    step.targets.fill(2)
    await step.forwardBackward(1)
    failing = true
    await step.adamw(hyper)
    await expect(step.forwardBackward(1)).rejects.toThrow('no compiler')
    await expect(step.adamw({ ...hyper, step: 2 })).rejects.toThrow('no compiler')
    failing = false
    await step.stage()
    expect((await step.forwardBackward(1)).loss).toBeGreaterThan(0)
    step.dispose()
  })

  it('limits the loss to a compact vocabulary in any order', async () => {
    const step = await prepared()
    const everything = await step.forwardBackward(1)
    const shuffled = Int32Array.from({ length: 17 }, (_, i) => (i * 5 + 3) % 17)
    const same = await prepared({ compactVocabulary: shuffled })
    expect((await same.forwardBackward(1)).loss).toBeCloseTo(everything.loss, 5)
    expect(await same.gradNorm()).toBeCloseTo(await step.gradNorm(), 4)
    const fewer = await prepared({ compactVocabulary: Int32Array.of(2, 3, 4, 8, 9, 16) })
    expect((await fewer.forwardBackward(1)).loss).toBeLessThan(everything.loss)
    expect(fewer.gradients.get('lm_head.weight')!.subarray(0, 2 * 12)).toEqual(new Float32Array(24))
    fewer.targets[0] = 5
    await expect(fewer.forwardBackward(1)).rejects.toThrow(/compact vocabulary, got 5/)
  })

  it('refuses tokens, sizes and scales that make no sense', async () => {
    const step = await prepared()
    step.tokens[3] = 17
    await expect(step.forwardBackward(1)).rejects.toThrow(/below vocab_size 17 at position 3, got 17/)
    step.tokens[3] = 1
    await expect(step.forwardBackward(0)).rejects.toThrow(/loss_scale/)
    step.targets.fill(-1)
    await expect(step.evaluate()).rejects.toThrow(/at least one target/)
    await expect(prepared({ seqLen: 9 })).rejects.toThrow(/max_position_embeddings 8/)
    await expect(prepared({ binding: 'glued' as never })).rejects.toThrow(/binding, got glued/)
    await expect(prepared({ dtype: 'bf16' as never })).rejects.toThrow(/dtype, got bf16/)
    await expect(prepared({ batchSize: 0 })).rejects.toThrow(/batch_size/)
    await expect(prepared({ layersPerProgram: 0 })).rejects.toThrow(/layers_per_program/)
    await expect(prepared({}, { ...config, activation_clip: -1 })).rejects.toThrow(/activation_clip, got -1/)
    await expect(prepared({ weights: new Map() })).rejects.toThrow(/model.embed_tokens.weight/)
  })
})
