import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { modelConfig, weightShapes } from '@ane/models'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  linkBest,
  listCheckpoints,
  loadTrainingState,
  type Moments,
  pruneCheckpoints,
  saveCheckpoint,
  type TrainerState,
} from './checkpoint.js'
import { expectNewRun, findResume, readRun, writeRun } from './run-folder.js'
import { lockRun } from './run-lock.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const config = modelConfig({
  model_type: 'llama',
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  vocab_size: 11,
  max_position_embeddings: 16,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
})

const tensors = (value: (index: number) => number) =>
  new Map(
    [...weightShapes(config)].map(([name, shape]) => [
      name,
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => value(i)),
    ]),
  )

const state = (step: number): TrainerState => ({
  version: 1,
  step,
  updates: step,
  tokens: 10 * step,
  sampler: { epoch: 0, position: step },
  lossScale: { scale: 1024, goodSteps: 3 },
  smoothedLoss: { sum: 1, weight: 0.5 },
  bestEvalLoss: null,
  bestCheckpoint: null,
  evalsSinceBest: 0,
  skippedInARow: 0,
})

const save = (step: number) =>
  saveCheckpoint(join(folder, `checkpoint-${step}`), {
    config,
    weights: tensors((i) => i * 0.25),
    moments: { m: tensors((i) => i + 0.1), v: tensors((i) => i * i) },
    state: state(step),
  })

describe('run lock', () => {
  it('keeps a second run out while the first lives, and lets it in after', () => {
    const unlock = lockRun(folder)
    expect(() => lockRun(folder)).toThrow(/in use by process \d+ on/)
    unlock()
    lockRun(folder)()
  })

  it('takes over the claim of a process that is gone', async () => {
    const child = spawn(process.execPath, ['-e', ''])
    await once(child, 'exit')
    writeFileSync(join(folder, 'run.lock'), JSON.stringify({ pid: child.pid, host: hostname(), started: '1' }))
    lockRun(folder)()
    writeFileSync(join(folder, 'run.lock'), 'torn')
    lockRun(folder)()
    expect(existsSync(join(folder, 'run.lock'))).toBe(false)
  })
})

describe('run folder', () => {
  it('refuses to start a run where something is, naming the way out', () => {
    expectNewRun(join(folder, 'new'))
    expectNewRun(folder)
    writeRun(folder, { version: 1, created: 'now', options: { max_steps: 3 }, facts: {} })
    expect(() => expectNewRun(folder)).toThrow(/--resume/)
    expect(readRun(folder).options).toEqual({ max_steps: 3 })
    writeFileSync(join(folder, 'run.json'), '{')
    expect(() => readRun(folder)).toThrow(/run\.json/)
  })

  it('finds the newest checkpoint of a run, of a folder of runs, and a named one', async () => {
    writeRun(folder, { version: 1, created: 'now', options: {}, facts: {} })
    await expect(findResume(folder)).rejects.toThrow(/Expected a checkpoint/)
    await save(5)
    await save(10)
    expect(await findResume(folder)).toMatchObject({ step: 10 })
    expect(await findResume(join(folder, 'checkpoint-5'))).toMatchObject({ step: 5 })
    await expect(findResume(join(folder, 'nowhere'))).rejects.toThrow(/Expected a run to resume/)
  })
})

describe('checkpoints', () => {
  it('bring back moments and state exactly', async () => {
    await save(3)
    const moments: Moments = { m: tensors(() => 0), v: tensors(() => 0) }
    expect(await loadTrainingState(join(folder, 'checkpoint-3'), config, moments)).toEqual(state(3))
    expect(moments.m).toEqual(tensors((i) => i + 0.1))
    expect(moments.v).toEqual(tensors((i) => i * i))
  })

  it('name the file when a part is damaged', async () => {
    await save(3)
    const moments: Moments = { m: tensors(() => 0), v: tensors(() => 0) }
    writeFileSync(join(folder, 'checkpoint-3', 'trainer_state.json'), '{"version": 2}')
    await expect(loadTrainingState(join(folder, 'checkpoint-3'), config, moments)).rejects.toThrow(
      /trainer_state\.json/,
    )
    rmSync(join(folder, 'checkpoint-3', 'trainer_state.json'))
    expect(await listCheckpoints(folder)).toEqual([])
  })

  it('keep the last ones and the best one', async () => {
    for (const step of [1, 2, 3, 4]) await save(step)
    await linkBest(folder, 'checkpoint-1')
    await pruneCheckpoints(folder, 2, 'checkpoint-1')
    expect((await listCheckpoints(folder)).map(({ step }) => step)).toEqual([1, 3, 4])
    await linkBest(folder, 'checkpoint-4')
    expect(readlinkSync(join(folder, 'best'))).toBe('checkpoint-4')
  })

  it('fail with the cause and leave nothing half-written when the folder cannot be written', async () => {
    mkdirSync(join(folder, 'blocked'))
    writeFileSync(join(folder, 'blocked', 'checkpoint-1'), 'a file in the way')
    const content = {
      config,
      weights: tensors(() => 1),
      moments: { m: tensors(() => 0), v: new Map() },
      state: state(1),
    }
    await expect(saveCheckpoint(join(folder, 'blocked', 'checkpoint-2'), content)).rejects.toMatchObject({
      code: 'SAVE_FAILED',
    })
    expect(existsSync(join(folder, 'blocked', 'checkpoint-2'))).toBe(false)
  })
})
