import { type Device, type DeviceOptions, openDevice } from '@ane/runtime'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  createTrainStep,
  type HostOp,
  initialWeights,
  type LayersPerProgram,
  modelConfig,
  presets,
  type WeightBinding,
} from '../src/index.js'

const models = {
  stories260k: presets.stories260k,
  'grouped queries': modelConfig({
    model_type: 'llama',
    hidden_size: 64,
    intermediate_size: 96,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    vocab_size: 96,
    max_position_embeddings: 64,
    tie_word_embeddings: false,
  }),
} as const

type Name = keyof typeof models

interface Pipeline {
  name: Name
  binding: WeightBinding
  layersPerProgram: LayersPerProgram
  hostOps: HostOp[]
}

const cases = (Object.keys(models) as Name[]).flatMap((name) =>
  (['packed', 'inputs', 'baked'] as const).flatMap((binding): Pipeline[] => [
    { name, binding, layersPerProgram: 'half', hostOps: ['rmsnorm', 'residual'] },
    ...(['half', 1, 4, 'all'] as const).map((layersPerProgram) => ({ name, binding, layersPerProgram, hostOps: [] })),
  ]),
)

const hyper = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, gradScale: 1 / 256 }

/** Losses of two steps of 64 tokens, the batch repeated so that an update shows. */
async function losses(kind: 'cpu' | 'ane-sim', { name, ...pipeline }: Pipeline, options: DeviceOptions = {}) {
  const config = models[name]
  const device: Device = await openDevice(kind, { threads: 1, ...options })
  try {
    const weights = initialWeights(config, 3)
    const step = await createTrainStep(device, config, { batchSize: 2, seqLen: 32, weights, ...pipeline })
    const result: number[] = []
    for (let update = 1; update <= 2; update++) {
      step.tokens.set(Array.from({ length: 64 }, (_, k) => (k * 7) % 90))
      step.targets.set(Array.from({ length: 64 }, (_, k) => ((k + 1) * 7) % 90))
      result.push((await step.forwardBackward(256)).loss)
      await step.adamw({ ...hyper, step: update })
    }
    step.dispose()
    await step.settled()
    return result
  } finally {
    device.dispose()
  }
}

describe('every pipeline', () => {
  const expected = new Map<Name, number[]>()
  beforeAll(async () => {
    for (const name of Object.keys(models) as Name[]) {
      const pipeline = { name, binding: 'inputs', layersPerProgram: 1, hostOps: [] } as const
      expected.set(name, await losses('cpu', { ...pipeline, hostOps: [] }))
      expect(expected.get(name)![1]).toBeLessThan(expected.get(name)![0] - 0.1)
    }
  })

  const title = '$name, $binding weights, $layersPerProgram layers per program, host $hostOps'
  it.for(cases)(`trains to the same losses on the CPU engine and the simulated M4: ${title}`, async (pipeline) => {
    const cpu = await losses('cpu', pipeline)
    for (const [i, loss] of cpu.entries()) expect(loss).toBeCloseTo(expected.get(pipeline.name)![i], 2)
    const simulated = await losses('ane-sim', pipeline, { compileLimit: 10_000 })
    for (const [i, loss] of simulated.entries()) expect(loss).toBeCloseTo(expected.get(pipeline.name)![i], 2)
  })

  it.each(['m1', 'm2-pro', 'm3', 'm5'])('trains on a simulated %s', async (chip) => {
    const pipeline: Pipeline = { name: 'grouped queries', binding: 'packed', layersPerProgram: 'all', hostOps: [] }
    const actual = await losses('ane-sim', pipeline, { chip })
    for (const [i, loss] of expected.get(pipeline.name)!.entries()) expect(actual[i]).toBeCloseTo(loss, 2)
  })
})
