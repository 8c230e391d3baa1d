import { type Device, openDevice, type SimulatorFaults } from '@ane/runtime'
import { describe, expect, it } from 'vitest'
import { deviceIfAny } from '../../test/devices.js'
import { modelConfig } from '../config.js'
import { initialWeights } from '../initialisation.js'
import type { TrainStepOptions } from './step-options.js'
import { createTrainStep, type TrainStep } from './training-step.js'

const config = modelConfig({
  model_type: 'qwen3',
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  vocab_size: 41,
  max_position_embeddings: 32,
  tie_word_embeddings: false,
})
const sizes = { batchSize: 2, seqLen: 16 } as const
const hyper = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, gradScale: 1 / 64 }
/** Of every gradient so small that none overflows. */
const LOSS_SCALE = 64

async function create(device: Device, options: Partial<TrainStepOptions> & { tied?: boolean } = {}) {
  const { tied = false, ...rest } = options
  const model = { ...config, tie_word_embeddings: tied }
  return createTrainStep(device, model, { ...sizes, weights: initialWeights(model, 3), ...rest })
}

/** Fills in batch `index`; every batch is another. */
function fill(step: TrainStep, index: number): void {
  for (const i of step.tokens.keys()) {
    step.tokens[i] = (i * 7 + index * 13) % 41
    step.targets[i] = (i * 7 + index * 13 + 7) % 41
  }
}

/** What is done between an update and the following batch. */
type Between = (step: TrainStep) => unknown

/** Losses, norms and final weights of a few steps of two micro-batches. */
async function trained(step: TrainStep, forward: boolean, between: Between = () => {}) {
  const losses: number[] = []
  const norms: number[] = []
  for (let update = 1; update <= 4; update++) {
    for (const micro of [0, 1]) {
      fill(step, 2 * update + micro)
      losses.push((await step.forwardBackward(LOSS_SCALE)).loss)
    }
    norms.push(await step.gradNorm())
    fill(step, 2 * update + 2)
    await step.adamw({ ...hyper, step: update }, { forward })
    await between(step)
  }
  const [weights, moments] = [step.parameters, step.secondMoments].map(
    (of) => new Map([...of].map(([name, data]) => [name, data.slice()])),
  )
  return { losses, norms, weights, moments }
}

/** Expects of a device that a pass ahead changes no number. */
async function expectSame(device: Device, options: Parameters<typeof create>[1] = {}, between?: Between) {
  const [ahead, alone] = [await create(device, options), await create(device, options)]
  const outcome = await trained(ahead, true, between)
  expect(new Set(outcome.losses).size).toBeGreaterThan(4)
  expect(outcome).toEqual(await trained(alone, false, between))
  for (const step of [ahead, alone]) {
    await step.settled()
    step.dispose()
  }
}

describe('a forward pass along with the update', () => {
  const bindings = ['inputs', 'packed', 'baked'] as const
  const kinds = ['reference', 'cpu', 'ane-sim'] as const
  const combinations = kinds.flatMap((kind) => bindings.map((binding) => [kind, binding] as const))

  it.for(combinations)('changes no number, on %s with %s weights', async ([kind, binding], { skip }) => {
    const device = await deviceIfAny(kind)
    if (device === undefined) return skip(`no ${kind} device`)
    for (const options of [
      {},
      { tied: true },
      { layersPerProgram: 'half', hostOps: ['rmsnorm', 'residual'] } as const,
    ]) {
      await expectSame(device, { binding, ...options })
    }
    device.dispose()
  })

  it('changes no number, with any number of threads and either math', async () => {
    const all = await openDevice('cpu')
    for (const math of ['exact', 'fast'] as const) {
      for (let threads = 1; threads <= Math.min(3, all.description.threads); threads++) {
        const device = await openDevice('cpu', { math, threads })
        for (const dtype of ['fp16', 'fp32'] as const) {
          await expectSame(device, {
            dtype,
            tied: true,
            compactVocabulary: Int32Array.from({ length: 41 }, (_, i) => i),
          })
        }
        device.dispose()
      }
    }
    all.dispose()
  })

  const interruptions: Readonly<Record<string, Between>> = {
    'a validation of other tokens': async (step) => {
      fill(step, 99)
      await step.evaluate()
    },
    'a validation of the same tokens': (step) => step.evaluate(),
    logits: (step) => step.logits(),
    'the weights staged anew': async (step) => {
      for (const data of step.parameters.values()) data[1] *= 1.25
      await step.stage()
    },
    'another update': (step) => step.adamw({ ...hyper, step: 9 }),
    'a pass over the tokens that is forgotten': async (step) => {
      await step.forwardBackward(1)
      step.zeroGradients()
    },
    'a refused update': (step) => expect(step.adamw({ ...hyper, eps: 0, step: 9 })).rejects.toThrow('eps'),
    'refused tokens': async (step) => {
      const [token] = step.tokens
      step.tokens[0] = 41
      await expect(step.forwardBackward()).rejects.toThrow('vocab_size')
      await expect(step.adamw({ ...hyper, step: 9 }, { forward: true })).rejects.toThrow('vocab_size')
      step.tokens[0] = token
    },
    'tokens written while others run': (step) => step.tokens.fill(3),
  }
  it.for(Object.entries(interruptions))('is forgotten or still right after %s', async ([, between]) => {
    const device = await openDevice('cpu', { threads: 2 })
    await expectSame(device, {}, between)
    device.dispose()
  })

  it('spares the next pass its own, in times too', async () => {
    const device = await openDevice('cpu', { threads: 2 })
    const step = await create(device)
    fill(step, 0)
    expect((await step.forwardBackward()).times.device_forward).toBeGreaterThan(0)
    fill(step, 1)
    const { forward, update } = await step.adamw({ ...hyper, step: 1 }, { forward: true })
    expect(forward!.device_forward).toBeGreaterThan(0)
    expect(forward!.device_backward).toBe(0)
    expect(update).toBeGreaterThan(0)
    expect((await step.forwardBackward()).times.device_forward).toBe(0)
    fill(step, 2)
    expect((await step.adamw({ ...hyper, step: 2 })).forward).toBeUndefined()
    expect((await step.forwardBackward()).times.device_forward).toBeGreaterThan(0)
    step.dispose()
    device.dispose()
  })

  it('does not touch the tokens that others write while it runs', async () => {
    const device = await openDevice('cpu', { threads: 2 })
    const [written, quiet] = [await create(device), await create(device)]
    for (const step of [written, quiet]) {
      fill(step, 0)
      await step.forwardBackward()
      fill(step, 1)
      const update = step.adamw({ ...hyper, step: 1 }, { forward: true })
      if (step === written) fill(step, 2)
      await update
      fill(step, 1)
    }
    expect((await written.forwardBackward()).loss).toBe((await quiet.forwardBackward()).loss)
    for (const step of [written, quiet]) step.dispose()
    device.dispose()
  })

  it('that fails leaves the update done and the error to the next pass', async () => {
    /** The second of three programs of the pass ahead fails, after three runs in either direction. */
    const outcome = async (faults: SimulatorFaults) => {
      const device = await openDevice('ane-sim', { faults })
      const step = await create(device)
      fill(step, 0)
      await step.forwardBackward(LOSS_SCALE)
      fill(step, 1)
      const { forward } = await step.adamw({ ...hyper, step: 1 }, { forward: true })
      const next = () => step.forwardBackward(LOSS_SCALE)
      if (faults.evaluate !== undefined) {
        expect(forward).toBeUndefined()
        await expect(next()).rejects.toMatchObject({ code: 'ANE_EVAL_FAILED' })
      }
      const { loss } = await next()
      const result = { loss, norm: await step.gradNorm(), weights: step.parameters }
      step.dispose()
      device.dispose()
      return result
    }
    expect(await outcome({ evaluate: [8] })).toEqual(await outcome({}))
  })
})
