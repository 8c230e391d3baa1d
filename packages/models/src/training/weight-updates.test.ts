import type { Device, Executable } from '@ane/runtime'
import { describe, expect, it } from 'vitest'
import { deviceIfAny } from '../../test/devices.js'
import { modelConfig } from '../config.js'
import { initialWeights } from '../initialisation.js'
import { createTrainStep } from './training-step.js'

const config = modelConfig({
  model_type: 'qwen3',
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 4,
  vocab_size: 11,
  max_position_embeddings: 8,
  tie_word_embeddings: false,
})

/** Weights large enough that every one of them shows in the logits. */
const weights = () =>
  new Map([...initialWeights(config, 3)].map(([name, data]) => [name, data.map((w) => (data[0] === 1 ? w : 15 * w))]))

const hyper = { learningRate: 0.05, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, step: 1, gradScale: 1 }
const sizes = { batchSize: 1, seqLen: 6 } as const

const combinations = (['reference', 'cpu'] as const).flatMap((kind) =>
  (['inputs', 'packed', 'baked'] as const).flatMap((binding) =>
    (['fp32', 'fp16'] as const).map((dtype) => [binding, dtype, kind] as const),
  ),
)

describe('updated weights', () => {
  it.for(combinations)('reach %s programs in %s on %s, every one of them', async ([binding, dtype, kind], { skip }) => {
    const device = await deviceIfAny(kind)
    if (device === undefined) return skip(`no ${kind} device`)
    const prepare = async (values: Map<string, Float32Array>) => {
      const step = await createTrainStep(device, config, { ...sizes, dtype, binding, weights: values })
      step.tokens.set([1, 4, 2, 9, 10, 0])
      step.targets.set([4, 2, 9, 10, 0, 3])
      return step
    }
    const step = await prepare(weights())
    /** What a step knows that never held other weights. */
    const fresh = async () => {
      const other = await prepare(new Map([...step.parameters].map(([name, data]) => [name, data.slice()])))
      const logits = await other.logits()
      await other.forwardBackward(1)
      const norm = await other.gradNorm()
      other.dispose()
      return { logits, norm }
    }
    const known = async () => {
      step.zeroGradients()
      const logits = await step.logits()
      await step.forwardBackward(1)
      return { logits, norm: await step.gradNorm() }
    }

    const before = await known()
    await step.adamw(hyper)
    const updated = await known()
    expect(updated).toEqual(await fresh())
    expect(updated.logits).not.toEqual(before.logits)

    for (const [name, data] of step.parameters) {
      const last = await step.logits()
      for (const i of data.keys()) data[i] *= 1.5 - (i % 3)
      await step.stage()
      expect(await step.logits(), name).not.toEqual(last)
    }
    expect(await known()).toEqual(await fresh())
    step.dispose()
    device.dispose()
  })
})

describe('baked programs', () => {
  /** A device that counts its live executables and can be told to refuse the n-th compilation from now. */
  async function watched() {
    const device = (await deviceIfAny('reference'))!
    const live = new Set<Executable>()
    const state = { live, most: 0, refuseIn: Number.POSITIVE_INFINITY }
    const watching: Device = {
      description: device.description,
      createSurface: (...shape) => device.createSurface(...shape),
      createSchedule: () => device.createSchedule(),
      dispose: () => device.dispose(),
      async compile(...program) {
        if (--state.refuseIn < 0) throw new Error('no more programs')
        const executable = await device.compile(...program)
        live.add(executable)
        state.most = Math.max(state.most, live.size)
        const dispose = executable.dispose.bind(executable)
        executable.dispose = () => {
          live.delete(executable)
          dispose()
        }
        return executable
      },
    }
    return { state, device: watching }
  }
  const options = () =>
    ({ ...sizes, dtype: 'fp32', binding: 'baked', layersPerProgram: 1, weights: weights() }) as const

  it('are disposed once those that replace them in their direction are ready, and with the step', async () => {
    const { state, device } = await watched()
    const step = await createTrainStep(device, config, options())
    expect(state.live.size).toBe(4)
    const first = [...state.live]
    await step.stage()
    expect(state.most).toBe(6)
    expect(state.live.size).toBe(4)
    expect(first.some((executable) => state.live.has(executable))).toBe(false)
    step.dispose()
    expect(state.live.size).toBe(0)
  })

  it('of a refused refresh leave nothing behind, and the next pass does not run with old weights', async () => {
    const { state, device } = await watched()
    const step = await createTrainStep(device, config, options())
    step.tokens.fill(1)
    step.targets.fill(2)
    const before = await step.logits()
    state.refuseIn = 2
    step.parameters.get('model.layers.0.mlp.up_proj.weight')!.fill(0.5)
    await expect(step.stage()).rejects.toThrow('no more programs')
    expect(state.live.size).toBe(4)
    await expect(step.forwardBackward()).rejects.toThrow('no more programs')
    state.refuseIn = Number.POSITIVE_INFINITY
    expect(await step.logits()).not.toEqual(before)
    step.dispose()
    expect(state.live.size).toBe(0)
  })

  it('of a step that cannot be made are disposed', async () => {
    const { state, device } = await watched()
    state.refuseIn = 3
    await expect(createTrainStep(device, config, options())).rejects.toThrow('no more programs')
    expect(state.live.size).toBe(0)
  })
})
