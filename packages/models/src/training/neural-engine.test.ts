import { aneStatistics, type Device, openDevice } from '@ane/runtime'
import { afterEach, describe, expect, it } from 'vitest'
import { cpuInsteadOf } from '../../test/devices.js'
import { type ModelConfig, modelConfig } from '../config.js'
import { generate } from '../inference/generation.js'
import { initialWeights } from '../initialisation.js'
import type { TrainStepOptions } from './step-options.js'
import { createTrainStep } from './training-step.js'

const models: Readonly<Record<string, ModelConfig>> = {
  'a model of the shape of stories260K': modelConfig({
    model_type: 'llama',
    hidden_size: 64,
    intermediate_size: 172,
    num_hidden_layers: 5,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 8,
    vocab_size: 512,
    max_position_embeddings: 512,
    tie_word_embeddings: true,
  }),
  'a tiny model with grouped queries and query norms': modelConfig({
    model_type: 'qwen3',
    hidden_size: 64,
    intermediate_size: 96,
    num_hidden_layers: 2,
    num_attention_heads: 6,
    num_key_value_heads: 2,
    head_dim: 16,
    vocab_size: 96,
    max_position_embeddings: 64,
    tie_word_embeddings: false,
  }),
}
const steps = 4
const hyper = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, gradScale: 1 / 256 }

const open: Device[] = []
afterEach(() => {
  for (const device of open.splice(0)) device.dispose()
})

async function opened(device: Promise<Device>): Promise<Device> {
  open.push(await device)
  return device
}

const simulator = () => opened(openDevice('ane-sim', { threads: 1 }))
/** Runs what the simulated M4 gets. */
const cpu = () => opened(cpuInsteadOf('m4'))

/** Losses and gradient norms of a few steps, and the weights they end with. */
async function trained(device: Device, config: ModelConfig, options: Partial<TrainStepOptions>) {
  const weights = initialWeights(config, 3)
  const step = await createTrainStep(device, config, { batchSize: 2, seqLen: 32, weights, ...options })
  const losses: number[] = []
  const norms: number[] = []
  for (let i = 0; i < steps; i++) {
    const token = (k: number) => (k * 7 + i * 13) % 90
    step.tokens.set(Array.from({ length: 64 }, (_, k) => token(k)))
    step.targets.set(Array.from({ length: 64 }, (_, k) => token(k + 1)))
    losses.push((await step.forwardBackward(256)).loss)
    norms.push(await step.gradNorm())
    await step.adamw({ ...hyper, step: i + 1 })
  }
  const result = { losses, norms, weights: new Map([...step.parameters].map(([name, data]) => [name, data.slice()])) }
  step.dispose()
  return result
}

describe.each(Object.entries(models))('%s', (_, config) => {
  it.each(['half', 1, 'all'] as const)(
    'learns bit for bit the same on the simulated Neural Engine (%s)',
    async (layersPerProgram) => {
      const expected = await trained(await cpu(), config, { layersPerProgram })
      const device = await simulator()
      const actual = await trained(device, config, { layersPerProgram })
      expect(actual.losses).toEqual(expected.losses)
      expect(new Set(actual.losses).size).toBe(steps)
      expect(actual.norms).toEqual(expected.norms)
      expect(actual.weights).toEqual(expected.weights)
      const { evaluations, stagedCopies, simulator: counted } = aneStatistics(device)!
      expect(evaluations).toBeGreaterThanOrEqual(2 * steps)
      expect(stagedCopies).toBe(0)
      expect(counted).toMatchObject({ error_count: 0, failures: 0 })
    },
  )

  it('learns the same with weights baked in, which are compiled anew at every step', async () => {
    const options = { binding: 'baked', layersPerProgram: 'all' } as const
    const expected = await trained(await cpu(), config, options)
    const device = await simulator()
    const { losses } = await trained(device, config, options)
    expect(losses).toEqual(expected.losses)
    expect(aneStatistics(device)!.compiles).toBeGreaterThanOrEqual(2 * steps)
  })

  it('writes the same text', async () => {
    const model = { config, weights: initialWeights(config, 3) }
    const text = async (device: Device) => {
      const ids: number[] = []
      for await (const id of generate(device, model, [1, 5, 9], { maxTokens: 20, temperature: 0 })) ids.push(id)
      return ids
    }
    expect(await text(await simulator())).toEqual(await text(await cpu()))
  })
})
