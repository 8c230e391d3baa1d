import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTrainStep, initialWeights, modelConfig, type TrainStep } from '@ane/models'
import { type Device, openDevice } from '@ane/runtime'
import type { TelemetryEvent } from '@ane/telemetry'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { listCheckpoints } from './checkpoint.js'
import { type TrainingOptions, trainingOptions } from './options.js'
import { tokensInMemory } from './token-source.js'
import { type RunSetup, train } from './trainer.js'

const config = modelConfig({
  model_type: 'llama',
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  vocab_size: 12,
  max_position_embeddings: 8,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
})
const tokens = tokensInMemory(
  Array.from({ length: 400 }, (_, i) => (i * i) % 12),
  12,
)

let folder: string
let device: Device
let trainStep: TrainStep
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trainer-'))
  device = await openDevice('cpu')
  trainStep = await createTrainStep(device, config, { weights: initialWeights(config, 0), batchSize: 2, seqLen: 8 })
})
afterEach(() => {
  trainStep.dispose()
  device.dispose()
  rmSync(folder, { recursive: true })
})

const setup = (options: Partial<TrainingOptions>, more: Partial<RunSetup> = {}): RunSetup => ({
  config,
  trainStep,
  tokens,
  options: trainingOptions({ seqLen: 8, batchSize: 2, warmupSteps: 2, evalSteps: 4, learningRate: 1e-2, ...options }),
  ...more,
})

async function collect(run: RunSetup): Promise<TelemetryEvent[]> {
  const events: TelemetryEvent[] = []
  for await (const event of train(run)) events.push(event)
  return events
}
const steps = (events: TelemetryEvent[]) => events.filter((event) => event.type === 'step')

describe('the training loop', () => {
  it('lowers the loss, validates before the first and after the last step, and ends with a checkpoint', async () => {
    const events = await collect(setup({ maxSteps: 30 }, { runFolder: folder }))
    const losses = steps(events).map((event) => event['train/loss'])
    expect(losses[29]).toBeLessThan(losses[0] - 0.2)
    const evals = events.filter((event) => event.type === 'eval').map((event) => event.step)
    expect([evals[0], evals.at(-1)]).toEqual([0, 30])
    expect((await listCheckpoints(folder)).at(-1)?.step).toBe(30)
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'max_steps' })
  })

  it('accounts for all tokens and for the time of every part', async () => {
    const [first, second] = steps(await collect(setup({ maxSteps: 2, gradientAccumulationSteps: 3 })))
    expect([first['train/tokens'], second['train/tokens']]).toEqual([48, 96])
    const parts = ['device_forward', 'device_backward', 'host', 'staging', 'javascript'] as const
    const sum = parts.reduce((total, part) => total + second[`perf/${part}_ms`], 0)
    expect(sum).toBeGreaterThan(0.5 * second['perf/step_ms'])
    expect(sum).toBeLessThan(1.5 * second['perf/step_ms'])
  })

  it('skips a step whose gradient is not finite, says so, halves the scale, and changes no weight', async () => {
    const before = trainStep.parameters.get('model.norm.weight')!.slice()
    vi.spyOn(trainStep, 'gradNorm').mockResolvedValueOnce(Number.NaN)
    const events = await collect(setup({ maxSteps: 1 }))
    expect(steps(events)[0]).toMatchObject({ 'train/skipped': true, 'train/grad_norm': null })
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'warning', message: expect.stringContaining('next scale 512') }),
    )
    expect(trainStep.parameters.get('model.norm.weight')).toEqual(before)
    expect(trainStep.gradients.get('model.norm.weight')!.every((g) => g === 0)).toBe(true)
  })

  it('stops after a run of skipped steps with the last good checkpoint intact', async () => {
    await collect(setup({ maxSteps: 3, saveSteps: 1 }, { runFolder: folder }))
    vi.spyOn(trainStep, 'gradNorm').mockResolvedValue(Number.POSITIVE_INFINITY)
    const run = setup({ maxSteps: 50, maxSkippedSteps: 4 }, { runFolder: folder, resume: join(folder, 'checkpoint-3') })
    await expect(collect(run)).rejects.toMatchObject({ code: 'TOO_MANY_SKIPPED_STEPS' })
    expect((await listCheckpoints(folder)).map(({ step }) => step)).toContain(3)
  })

  it('stops when validation no longer improves, when the time is up, and when it is told to', async () => {
    const stalled = await collect(setup({ maxSteps: 100, learningRate: 0, patience: 2 }))
    expect(stalled.at(-1)).toMatchObject({ type: 'end', reason: 'patience', step: 8 })
    const late = await collect(setup({ maxSteps: 100_000, maxMinutes: 1e-4 }))
    expect(late.at(-1)).toMatchObject({ type: 'end', reason: 'max_minutes' })
    const controller = new AbortController()
    const events: TelemetryEvent[] = []
    for await (const event of train(setup({ maxSteps: 100 }, { runFolder: folder, signal: controller.signal }))) {
      events.push(event)
      if (event.step === 6) controller.abort()
    }
    expect(events.at(-1)).toMatchObject({ reason: 'interrupted', step: 6 })
    expect(existsSync(join(folder, 'checkpoint-6'))).toBe(true)
  })

  it('runs the forward pass of the next batch along with an update unless something else comes first', async () => {
    const update = vi.spyOn(trainStep, 'adamw')
    await collect(setup({ maxSteps: 7, gradientAccumulationSteps: 2 }))
    const ahead = update.mock.calls.map(([, options]) => options?.forward)
    // Validations follow steps 4 and 7.
    expect(ahead).toEqual([true, true, true, false, true, true, false])
  })

  it('saves a sampler that has not drawn the batch of the next step yet', async () => {
    await collect(setup({ maxSteps: 4, saveSteps: 1, saveTotalLimit: 5 }, { runFolder: folder }))
    for (const step of [1, 2, 3, 4]) {
      const { sampler } = JSON.parse(readFileSync(join(folder, `checkpoint-${step}`, 'trainer_state.json'), 'utf8'))
      expect(sampler, `checkpoint ${step}`).toEqual({ epoch: 0, position: 2 * step })
    }
  })

  it('saves and ends when the process has to be replaced', async () => {
    let left = 3
    const events = await collect(setup({ maxSteps: 9 }, { runFolder: folder, needsRestart: () => left-- === 0 }))
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'restart', step: 3 })
    expect((await listCheckpoints(folder)).at(-1)?.step).toBe(3)
  })

  it('refuses data that is too small or has ids the model does not know', async () => {
    const few = tokensInMemory([1, 2, 3], 12)
    await expect(collect(setup({ maxSteps: 1 }, { tokens: few }))).rejects.toMatchObject({ code: 'DATA_TOO_SMALL' })
    const other = tokensInMemory(new Int32Array(400), 500)
    await expect(collect(setup({ maxSteps: 1 }, { tokens: other }))).rejects.toMatchObject({
      code: 'VOCABULARY_MISMATCH',
    })
  })
})
