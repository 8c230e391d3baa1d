import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { checkLimits, parse } from '@ane/mil'
import { aneStatistics, type Device, openDevice } from '@ane/runtime'
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
import { cpuInsteadOf } from './devices.js'

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

/** Losses of two steps of 2 · `seqLen` tokens, the batch repeated so that an update shows; closes the device. */
async function losses(opening: Promise<Device>, { name, ...pipeline }: Pipeline, seqLen = 32): Promise<number[]> {
  const config = models[name]
  const device = await opening
  try {
    const weights = initialWeights(config, 3)
    const step = await createTrainStep(device, config, { batchSize: 2, seqLen, weights, ...pipeline })
    const result: number[] = []
    for (let update = 1; update <= 2; update++) {
      step.tokens.set(Array.from(step.tokens, (_, k) => (k * 7) % 90))
      step.targets.set(Array.from(step.tokens, (_, k) => ((k + 1) * 7) % 90))
      result.push((await step.forwardBackward(256)).loss)
      await step.adamw({ ...hyper, step: update })
    }
    step.dispose()
    await step.settled()
    const simulator = aneStatistics(device)?.simulator
    if (simulator !== undefined) expect(simulator).toMatchObject({ error_count: 0, failures: 0 })
    return result
  } finally {
    device.dispose()
  }
}

const cpu = () => openDevice('cpu', { threads: 1 })
const simulated = (chip: string) => openDevice('ane-sim', { threads: 1, chip, compileLimit: 10_000 })

describe('every pipeline', () => {
  const expected = new Map<Name, number[]>()
  const expectLosses = (actual: number[], name: Name) => {
    for (const [i, loss] of expected.get(name)!.entries()) expect(actual[i]).toBeCloseTo(loss, 2)
  }
  beforeAll(async () => {
    for (const name of Object.keys(models) as Name[]) {
      const found = await losses(cpu(), { name, binding: 'inputs', layersPerProgram: 1, hostOps: [] })
      expected.set(name, found)
      expect(found[1]).toBeLessThan(found[0] - 0.1)
    }
  })

  const title = '$name, $binding weights, $layersPerProgram layers per program, host $hostOps'
  it.for(cases)(`trains to the same losses on the CPU engine and the simulated M4: ${title}`, async (pipeline) => {
    expectLosses(await losses(cpu(), pipeline), pipeline.name)
    const actual = await losses(simulated('m4'), pipeline)
    expectLosses(actual, pipeline.name)
    expect(actual).toEqual(await losses(cpuInsteadOf('m4'), pipeline))
  })

  const others = ['m1-pro', 'm2', 'm3', 'm5-max'].flatMap((chip) =>
    (['packed', 'inputs', 'baked'] as const).map((binding) => [chip, binding] as const),
  )
  it.each(others)('trains to the same losses on the simulated %s with %s weights', async (chip, binding) => {
    for (const pipeline of cases.filter((each) => each.binding === binding)) {
      expectLosses(await losses(simulated(chip), pipeline), pipeline.name)
    }
  })

  it.each(['packed', 'inputs', 'baked'] as const)(
    'trains with %s weights on a number of tokens no chip can bind',
    async (binding) => {
      const pipeline: Pipeline = { name: 'grouped queries', binding, layersPerProgram: 'half', hostOps: ['rmsnorm'] }
      const reference = await losses(cpu(), pipeline, 9)
      for (const chip of ['m1', 'm3', 'm4', 'm5']) {
        const actual = await losses(simulated(chip), pipeline, 9)
        for (const [i, loss] of reference.entries()) expect(actual[i], chip).toBeCloseTo(loss, 2)
      }
    },
  )

  it('is refused before it is compiled where a program breaks a limit of the chip', async () => {
    const config = modelConfig({ ...models['grouped queries'], intermediate_size: 8192, num_hidden_layers: 4 })
    const options = { batchSize: 1, seqLen: 32, weights: initialWeights(config, 3), binding: 'packed' } as const
    const dumpFolder = mkdtempSync(join(tmpdir(), 'refused-'))
    const device = await openDevice('ane-sim', { threads: 1, chip: 'm4', os: '15.4', dumpFolder })
    try {
      const refusal = createTrainStep(device, config, { ...options, layersPerProgram: 'all' })
      await expect(refusal).rejects.toMatchObject({ code: 'ANE_COMPILE_FAILED' })
      await expect(refusal).rejects.toThrow(
        /^Expected at most 65536 channels for \w+, got \d+ \(limit C-60 of m4 with macOS 15\.4, program [a-z ]+\)\. Put fewer layers into/,
      )
      const [, file] = /The program is in (.*)\.$/.exec(
        (await refusal.catch((error: Error) => error.message)) as string,
      )!
      expect(dirname(file)).toBe(dumpFolder)
      expect(checkLimits(parse(readFileSync(file, 'utf8')), { chip: 'm4' })[0]).toMatchObject({ rule: 'C-60' })
      expect(aneStatistics(device)!.compiles).toBe(0)
      const step = await createTrainStep(device, config, { ...options, layersPerProgram: 1 })
      step.dispose()
      await step.settled()
    } finally {
      device.dispose()
      rmSync(dumpFolder, { recursive: true })
    }
  })
})
