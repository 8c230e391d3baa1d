import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { hasShared, sharedPath } from '../../../test/shared/folder.js'
import { loadCheckpoint, preset, readSafetensors, writeLlama2c } from '../src/index.js'

describe.skipIf(!hasShared)('published files (needs ../shared)', () => {
  it('stories260K loads the same from both llama2.c layouts', async () => {
    const legacy = await loadCheckpoint(sharedPath('data/stories260K/stories260K.bin'))
    const v1 = await loadCheckpoint(sharedPath('data/stories260K/stories260K.export_v1.bin'))
    expect(legacy.config).toEqual(preset('stories260k'))
    expect(v1.config).toEqual(legacy.config)
    expect(v1.weights).toEqual(legacy.weights)
    expect([legacy.kind, v1.kind]).toEqual(['llama2c-legacy', 'llama2c-v1'])
  })

  it('stories260K is written back byte for byte', async () => {
    const { config, weights } = await loadCheckpoint(sharedPath('data/stories260K/stories260K.bin'))
    const folder = mkdtempSync(path.join(tmpdir(), 'ane-stories-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const v1 = path.join(folder, 'v1.bin')
    await writeLlama2c(v1, { config, weights }, 'v1')
    expect(readFileSync(v1).equals(readFileSync(sharedPath('data/stories260K/stories260K.export_v1.bin')))).toBe(true)
    const legacy = path.join(folder, 'legacy.bin')
    await writeLlama2c(legacy, { config, weights })
    const stored = readFileSync(sharedPath('data/stories260K/stories260K.bin'))
    const tables = 4 * config.max_position_embeddings * config.head_dim
    const ours = readFileSync(legacy)
    expect(ours.length).toBe(stored.length)
    expect(ours.subarray(0, -tables).equals(stored.subarray(0, -tables))).toBe(true)
  })

  it('an untied llama2.c file has its own classifier', async () => {
    const { config, weights } = await loadCheckpoint(sharedPath('golden/runc/random-untied.bin'))
    expect(config.tie_word_embeddings).toBe(false)
    expect(weights.get('lm_head.weight')!.length).toBe(512 * 96)
  })

  it('safetensors of other writers are read', async () => {
    const mnist = await readSafetensors(sharedPath('data/safetensors/mnist.safetensors'))
    expect(
      [...mnist.values()].every(({ dtype, data }) => dtype === 'I64' || (data as Float32Array).every(Number.isFinite)),
    ).toBe(true)
    const one = await readSafetensors(sharedPath('data/safetensors/tensor-2d-float64.safetensors'))
    expect([...one.values()].map(({ dtype, shape }) => [dtype, shape.length])).toEqual([['F64', 2]])
  })

  it.each(['llama-f16-sharded', 'qwen3-bf16'])('Hugging Face folder %s loads', async (name) => {
    const { config, weights } = await loadCheckpoint(sharedPath('golden/hf_tiny', name))
    expect(config.num_hidden_layers).toBe(2)
    expect(weights.get('model.norm.weight')!.length).toBe(config.hidden_size)
  })
})
