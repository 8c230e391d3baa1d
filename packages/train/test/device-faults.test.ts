/** A Neural Engine that fails in the middle of a run: what is saved by then continues with the same losses. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTrainStep, initialWeights, loadCheckpoint, modelConfig, type WeightBinding } from '@ane/models'
import { openDevice, type SimulatorFaults } from '@ane/runtime'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { listCheckpoints } from '../src/checkpoint.js'
import { trainingOptions } from '../src/options.js'
import { tokensInMemory } from '../src/token-source.js'
import { train } from '../src/trainer.js'

const config = modelConfig({
  model_type: 'llama',
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  vocab_size: 12,
  max_position_embeddings: 16,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
})
const tokens = tokensInMemory(
  Array.from({ length: 400 }, (_, i) => (i * i) % 12),
  12,
)
const STEPS = 5
const sizes = { seqLen: 16, batchSize: 2 }
const options = trainingOptions({ ...sizes, maxSteps: STEPS, warmupSteps: 2, saveSteps: 1, evalSteps: 0 })

let folder: string
let temporary: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'faults-'))
  temporary = mkdtempSync(join(tmpdir(), 'programs-'))
  vi.stubEnv('TMPDIR', temporary)
})
afterEach(() => {
  vi.unstubAllEnvs()
  for (const each of [folder, temporary]) rmSync(each, { recursive: true })
})

/** Trains in `runFolder` and returns the losses of its steps and what ended it early, if anything. */
async function run(runFolder: string, binding: WeightBinding, faults?: SimulatorFaults, resume?: string) {
  const losses: number[] = []
  const device = await openDevice('ane-sim', { chip: 'm5', faults })
  try {
    const weights = resume ? (await loadCheckpoint(resume)).weights : initialWeights(config, 0)
    const trainStep = await createTrainStep(device, config, { weights, binding, ...sizes })
    try {
      for await (const event of train({ config, trainStep, tokens, options, runFolder, resume })) {
        if (event.type === 'step') losses.push(event['train/loss'])
      }
    } finally {
      await trainStep.settled()
      trainStep.dispose()
    }
    return { losses }
  } catch (error) {
    return { losses, code: (error as { code?: string }).code }
  } finally {
    device.dispose()
  }
}

describe('a run whose Neural Engine fails', () => {
  const cases: [WeightBinding, SimulatorFaults, string][] = [
    ['packed', { evaluate: [6] }, 'ANE_EVAL_FAILED'],
    ['inputs', { evaluate: [5] }, 'ANE_EVAL_FAILED'],
    ['baked', { compile: [6] }, 'ANE_COMPILE_FAILED'],
  ]
  it.each(cases)(
    'with %s weights (%o) keeps its checkpoints and resumes to the same losses',
    async (binding, faults, code) => {
      const whole = await run(join(folder, 'whole'), binding)
      expect(whole.losses).toHaveLength(STEPS)

      const broken = join(folder, 'broken')
      const failed = await run(broken, binding, faults)
      expect(failed.code).toBe(code)
      expect(readdirSync(temporary)).toEqual([])
      const last = (await listCheckpoints(broken)).at(-1)!.step
      expect(last).toBeGreaterThan(0)
      expect(last).toBeLessThan(STEPS)

      const resumed = await run(broken, binding, undefined, join(broken, `checkpoint-${last}`))
      expect([...failed.losses.slice(0, last), ...resumed.losses]).toEqual(whole.losses)
      expect(readdirSync(temporary)).toEqual([])
    },
  )
})
