import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { type ModelConfig, modelConfig } from '../config.js'
import { FormatError } from '../format-error.js'
import { initialWeights } from '../initialisation.js'
import { preset } from '../presets.js'
import { type Llama2cVersion, readLlama2c, writeLlama2c } from './llama2c.js'
import { halfToInterleaved, interleavedToHalf } from './rope-permutation.js'

const folder = mkdtempSync(path.join(tmpdir(), 'ane-llama2c-'))
const file = path.join(folder, 'model.bin')

afterAll(() => rmSync(folder, { recursive: true }))

const small = (tied: boolean): ModelConfig =>
  modelConfig({
    model_type: 'llama',
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    vocab_size: 11,
    max_position_embeddings: 8,
    tie_word_embeddings: tied,
    bos_token_id: 1,
    eos_token_id: 2,
  })

describe('llama2.c checkpoints', () => {
  it.each([
    ['legacy', true],
    ['legacy', false],
    ['v1', true],
    ['v1', false],
  ] as [Llama2cVersion, boolean][])('read back what is written: %s, tied %s', async (version, tied) => {
    const config = small(tied)
    const weights = initialWeights(config, 7)
    await writeLlama2c(file, { config, weights }, version)
    expect(await readLlama2c(file)).toEqual({ config, weights, version })
    expect(readFileSync(file).readInt32LE(20) < 0).toBe(version === 'legacy' && !tied)
  })

  it('are refused when truncated, too long, of another version or with impossible headers', async () => {
    const config = small(true)
    await writeLlama2c(file, { config, weights: initialWeights(config, 7) }, 'v1')
    const good = readFileSync(file)
    const attempt = async (change: (bytes: Buffer) => Buffer) => {
      writeFileSync(file, change(Buffer.from(good)))
      const error = await readLlama2c(file).catch((thrown) => thrown)
      expect(error).toBeInstanceOf(FormatError)
      expect(error.path).toBe(file)
      return error as FormatError
    }
    const edited = (offset: number, value: number) => (bytes: Buffer) => {
      bytes.writeInt32LE(value, offset)
      return bytes
    }
    expect((await attempt((bytes) => bytes.subarray(0, -4))).offset).toBe(good.length - 4)
    await attempt((bytes) => bytes.subarray(0, 100))
    await attempt((bytes) => bytes.subarray(0, 3))
    await attempt((bytes) => Buffer.concat([bytes, Buffer.alloc(4)]))
    expect((await attempt(edited(4, 2))).message).toMatch(/--version 1/)
    expect((await attempt(edited(20, 3))).message).toMatch(/num_attention_heads/)
    await attempt(edited(8, -16))
    await attempt(edited(8, 2 ** 31 - 1))
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        await attempt(() => Buffer.from(bytes))
      }),
      { numRuns: 100 },
    )
  })

  it('refuse models the format cannot express', async () => {
    const config = preset('qwen3-0.6b')
    await expect(writeLlama2c(file, { config, weights: new Map() })).rejects.toThrow(/model_type/)
    const odd = modelConfig({ ...small(true), rope_theta: 5000 })
    await expect(writeLlama2c(file, { config: odd, weights: initialWeights(odd, 1) })).rejects.toThrow(/rope_theta/)
    const clipped = modelConfig({ ...small(true), activation_clip: 20 })
    await expect(writeLlama2c(file, { config: clipped, weights: initialWeights(clipped, 1) })).rejects.toThrow(
      'Expected nothing for activation_clip in a llama2.c file, got 20.',
    )
  })
})

describe('the row order of rotated projections', () => {
  it('pairs rows 2i and 2i+1 with i and i + head_dim / 2', () => {
    expect([...interleavedToHalf(Float32Array.of(0, 1, 2, 3, 10, 11, 12, 13), 4, 1)]).toEqual([
      0, 2, 1, 3, 10, 12, 11, 13,
    ])
  })

  it('returns after there and back', () => {
    const data = Float32Array.from({ length: 2 * 6 * 5 }, (_, i) => i)
    expect(halfToInterleaved(interleavedToHalf(data, 6, 5), 6, 5)).toEqual(data)
    expect(() => interleavedToHalf(data, 8, 5)).toThrow(RangeError)
  })
})
