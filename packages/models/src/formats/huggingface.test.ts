import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { modelConfig } from '../config.js'
import { FormatError } from '../format-error.js'
import { initialWeights } from '../initialisation.js'
import { weightShapes } from '../weights.js'
import { writeFolderAtomically } from './atomic-write.js'
import { loadCheckpoint } from './checkpoint.js'
import { saveModelFolder } from './huggingface.js'
import { writeLlama2c } from './llama2c.js'
import { writeSafetensors } from './safetensors.js'

const config = modelConfig({
  model_type: 'qwen3',
  hidden_size: 12,
  intermediate_size: 20,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  vocab_size: 9,
  max_position_embeddings: 16,
  rms_norm_eps: 1e-6,
  rope_theta: 1e6,
  tie_word_embeddings: true,
  residual_multiplier: 0.5,
  eos_token_id: [2, 3],
})
const weights = initialWeights(config, 3)
const tensors = () =>
  [...weightShapes(config)].map(([name, shape]) => ({ name, dtype: 'F32' as const, shape, data: weights.get(name)! }))

let root: string
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'ane-huggingface-'))
})

afterEach(() => rmSync(root, { recursive: true }))

describe('model folders', () => {
  it('load with the configuration and weights they were saved with', async () => {
    const folder = path.join(root, 'model')
    await saveModelFolder(folder, {
      config,
      weights,
      generationConfig: { temperature: 0.8 },
      extras: async (temporary) => writeFileSync(path.join(temporary, 'tokenizer.json'), '{}'),
    })
    const checkpoint = await loadCheckpoint(folder)
    expect(checkpoint).toEqual({
      kind: 'huggingface',
      config,
      weights,
      tokenizerPath: path.join(folder, 'tokenizer.json'),
    })
    expect((await loadCheckpoint(path.join(folder, 'model.safetensors'))).config).toEqual(config)
    expect(JSON.parse(readFileSync(path.join(folder, 'generation_config.json'), 'utf8'))).toEqual({
      eos_token_id: [2, 3],
      temperature: 0.8,
    })
    expect(readdirSync(root)).toEqual(['model'])
  })

  it('tell which tokens are never to be generated', async () => {
    const folder = path.join(root, 'suppressing')
    await saveModelFolder(folder, { config, weights, generationConfig: { suppress_tokens: [0, 4] } })
    expect((await loadCheckpoint(folder)).suppressTokens).toEqual([0, 4])
    for (const wrong of [[config.vocab_size], [-1], ['a'], 'none']) {
      await saveModelFolder(
        folder,
        { config, weights, generationConfig: { suppress_tokens: wrong } },
        { replace: true },
      )
      await expect(loadCheckpoint(folder)).rejects.toThrow(/vocab_size \d+ for suppress_tokens/)
    }
  })

  it('keep residual_multiplier and activation_clip, and name them only when they change something', async () => {
    const stored = async (name: string, changed: typeof config) => {
      await saveModelFolder(path.join(root, name), { config: changed, weights })
      expect((await loadCheckpoint(path.join(root, name))).config).toEqual(changed)
      return JSON.parse(readFileSync(path.join(root, name, 'config.json'), 'utf8'))
    }
    const changed = { ...config, residual_multiplier: 0.5, activation_clip: 20 }
    expect(await stored('changed', changed)).toMatchObject({ residual_multiplier: 0.5, activation_clip: 20 })
    const plain = await stored('plain', { ...config, residual_multiplier: 1 })
    expect(Object.keys(plain)).not.toContain('residual_multiplier')
    expect(Object.keys(plain)).not.toContain('activation_clip')
  })

  it('are not overwritten unless asked, and stay whole when saving fails', async () => {
    const folder = path.join(root, 'model')
    await saveModelFolder(folder, { config, weights })
    await expect(saveModelFolder(folder, { config, weights })).rejects.toThrow(/existing/)
    const failing = { config, weights, extras: () => Promise.reject(new Error('disk full')) }
    await expect(saveModelFolder(folder, failing, { replace: true })).rejects.toThrow('disk full')
    expect((await loadCheckpoint(folder)).weights).toEqual(weights)
    const other = initialWeights(config, 4)
    await saveModelFolder(folder, { config, weights: other }, { replace: true })
    expect((await loadCheckpoint(folder)).weights).toEqual(other)
    expect(readdirSync(root)).toEqual(['model'])
  })

  it('load from shards, and are refused when the index lies', async () => {
    await saveModelFolder(path.join(root, 'whole'), { config, weights })
    const folder = path.join(root, 'shards')
    mkdirSync(folder)
    writeFileSync(path.join(folder, 'config.json'), readFileSync(path.join(root, 'whole', 'config.json')))
    const shards = [tensors().slice(0, 5), tensors().slice(5)]
    const weightMap: Record<string, string> = {}
    for (const [i, shard] of shards.entries()) {
      await writeSafetensors(path.join(folder, `${i}.safetensors`), shard)
      for (const { name } of shard) weightMap[name] = `${i}.safetensors`
    }
    const index = (map: object) =>
      writeFileSync(path.join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }))
    index(weightMap)
    expect((await loadCheckpoint(folder)).weights).toEqual(weights)
    index({ ...weightMap, 'model.norm.weight': '0.safetensors' })
    await expect(loadCheckpoint(folder)).rejects.toThrow(/by the index/)
    index({ ...weightMap, 'model.norm.weight': '../whole/model.safetensors' })
    await expect(loadCheckpoint(folder)).rejects.toThrow(FormatError)
    index([])
    await expect(loadCheckpoint(folder)).rejects.toThrow(/weight_map/)
  })

  it('are refused when a weight is missing, unknown, misshapen or tied to something else', async () => {
    const folder = path.join(root, 'model')
    await saveModelFolder(folder, { config, weights })
    const rewrite = (list: Parameters<typeof writeSafetensors>[1]) =>
      writeSafetensors(path.join(folder, 'model.safetensors'), list)
    const [embedding, ...rest] = tensors()
    const fails = (message: RegExp) => expect(loadCheckpoint(folder)).rejects.toThrow(message)
    await rewrite(rest)
    await fails(/named model.embed_tokens.weight, got none/)
    await rewrite([...tensors(), { ...embedding, name: 'model.extra' }])
    await fails(/got model.extra/)
    await rewrite([{ ...embedding, shape: [12, 9] }, ...rest])
    await fails(/\[9,12\] for the shape/)
    await rewrite([{ ...embedding, dtype: 'I8', data: new Int8Array(9 * 12) } as never, ...rest])
    await fails(/the dtype of model.embed_tokens.weight, got I8. Quantized/)
    const head = { ...embedding, name: 'lm_head.weight' }
    await rewrite([head, ...tensors()])
    expect((await loadCheckpoint(folder)).weights).toEqual(weights)
    await rewrite([{ ...head, data: new Float32Array(9 * 12) }, ...tensors()])
    await fails(/tie_word_embeddings/)
  })

  it('are refused when the configuration is no JSON, impossible or absent', async () => {
    const folder = path.join(root, 'model')
    await saveModelFolder(folder, { config, weights })
    writeFileSync(path.join(folder, 'config.json'), '{')
    await expect(loadCheckpoint(folder)).rejects.toThrow(FormatError)
    writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ ...config, rope_scaling: { rope_type: 'yarn' } }))
    await expect(loadCheckpoint(folder)).rejects.toThrow(/rope_scaling.*yarn/)
    await expect(loadCheckpoint(path.join(root, 'absent'))).rejects.toThrow(FormatError)
    await expect(loadCheckpoint(root)).rejects.toThrow(/config.json/)
  })

  it('find the tokenizer beside a llama2.c file', async () => {
    const llama = modelConfig({
      ...config,
      model_type: 'llama',
      head_dim: 6,
      num_attention_heads: 2,
      hidden_size: 12,
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
      residual_multiplier: 1,
    })
    await writeLlama2c(path.join(root, 'm.bin'), { config: llama, weights: initialWeights(llama, 1) })
    writeFileSync(path.join(root, 'tokenizer.bin'), '')
    const { kind, tokenizerPath } = await loadCheckpoint(path.join(root, 'm.bin'))
    expect([kind, tokenizerPath]).toEqual(['llama2c-legacy', path.join(root, 'tokenizer.bin')])
  })
})

describe('writing a folder', () => {
  it('leaves nothing behind when the writer throws', async () => {
    const folder = path.join(root, 'a', 'b')
    await expect(writeFolderAtomically(folder, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(existsSync(folder)).toBe(false)
    expect(readdirSync(path.join(root, 'a'))).toEqual([])
  })
})
