import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { initialWeights, modelConfig, presets, saveModelFolder } from '@ane/models'
import { describe, expect, it, onTestFinished } from 'vitest'
import { UsageError } from '../exit.js'
import { chooseModel } from './setup.js'

describe('the model of a run', () => {
  it('has the clipping of --activation-clip in its configuration, so that it is saved with it', async () => {
    expect((await chooseModel({})).config).toBe(presets.tiny)
    expect((await chooseModel({ activationClip: 20 })).config).toEqual({ ...presets.tiny, activation_clip: 20 })
    expect((await chooseModel({ model: 'stories15m', activationClip: 3 })).config.activation_clip).toBe(3)
    await expect(chooseModel({ activationClip: 0 })).rejects.toThrow(UsageError)
  })

  it('clips as the checkpoint of --init does unless told otherwise', async () => {
    const config = modelConfig({
      model_type: 'llama',
      hidden_size: 8,
      intermediate_size: 8,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      vocab_size: 8,
      max_position_embeddings: 8,
      activation_clip: 7,
    })
    const folder = mkdtempSync(join(tmpdir(), 'ane-setup-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const init = join(folder, 'model')
    await saveModelFolder(init, { config, weights: initialWeights(config, 1) })
    expect((await chooseModel({ init })).config.activation_clip).toBe(7)
    expect((await chooseModel({ init, activationClip: 9 })).config.activation_clip).toBe(9)
    expect((await chooseModel({ init: 'scratch', activationClip: 9 })).config.activation_clip).toBe(9)
  })
})
