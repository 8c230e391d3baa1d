import { type Device, openDevice } from '@ane/runtime'
import { beforeAll, describe, expect, it } from 'vitest'
import { type ModelConfig, modelConfig } from '../config.js'
import { initialWeights } from '../initialisation.js'
import { createTrainStep } from '../training/training-step.js'
import { ForwardPass } from './forward-pass.js'
import { generate, type SamplingOptions } from './generation.js'

const config = modelConfig({
  model_type: 'llama',
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  vocab_size: 11,
  max_position_embeddings: 20,
  tie_word_embeddings: false,
})
const weights = new Map(
  [...initialWeights(config, 9)].map(([name, data]) => [name, data.map((w) => (data[0] === 1 ? w : 20 * w))]),
)

let device: Device
beforeAll(async () => {
  device = await openDevice('reference')
})

async function continuation(prompt: number[], options: SamplingOptions): Promise<number[]> {
  const tokens: number[] = []
  for await (const token of generate(device, { config, weights }, prompt, options)) tokens.push(token)
  return tokens
}

describe('a forward pass', () => {
  it('has the same logits however long the padding and however the model is cut and bound', async () => {
    const tokens = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2]
    const plain = new ForwardPass(device, config, { weights, dtype: 'fp32' })
    const all = await plain.logits(tokens)
    const ten = await plain.lastLogits(tokens.slice(0, 10))
    for (const [i, logit] of ten.entries()) expect(logit).toBeCloseTo(all[9 * 11 + i], 4)
    for (const binding of ['packed', 'baked'] as const) {
      const other = new ForwardPass(device, config, { weights, dtype: 'fp32', binding, layersPerProgram: 'half' })
      for (const [i, logit] of (await other.logits(tokens)).entries()) expect(logit).toBeCloseTo(all[i], 4)
      other.dispose()
    }
    plain.dispose()
  })

  it.each(['activation_clip', 'residual_multiplier'] as const)(
    'computes with the %s of the configuration what the training step computes with it',
    async (field) => {
      const tokens = [3, 1, 4, 1, 5, 9]
      const logits = async (model: ModelConfig) => {
        const pass = new ForwardPass(device, model, { weights, dtype: 'fp32' })
        const result = await pass.logits(tokens)
        pass.dispose()
        return result
      }
      const changed = { ...config, [field]: 0.5 }
      const sizes = { batchSize: 1, seqLen: tokens.length, dtype: 'fp32' } as const
      const step = await createTrainStep(device, changed, { ...sizes, weights })
      step.tokens.set(tokens)
      const ours = await logits(changed)
      for (const [i, logit] of (await step.logits()).entries()) expect(ours[i]).toBeCloseTo(logit, 4)
      step.dispose()
      const plain = await logits(config)
      expect(Math.max(...ours.map((logit, i) => Math.abs(logit - plain[i])))).toBeGreaterThan(0.1)
    },
  )

  it('answers calls that overlap one after the other', async () => {
    const pass = new ForwardPass(device, config, { weights, dtype: 'fp32' })
    const sequences = [
      [3, 1, 4],
      [1, 5, 9, 2],
      [6, 5, 3, 5, 8],
    ]
    const together = await Promise.all(sequences.map((tokens) => pass.lastLogits(tokens)))
    for (const [i, tokens] of sequences.entries()) expect(together[i]).toEqual(await pass.lastLogits(tokens))
    expect(together[0]).not.toEqual(together[1])
    await expect(Promise.all([pass.logits([]), pass.logits([1])])).rejects.toThrow(/got 0/)
    pass.dispose()
  })

  it('refuses sequences that are empty, too long or have unknown tokens', async () => {
    const pass = new ForwardPass(device, config, { weights })
    await expect(pass.logits([])).rejects.toThrow(/seq_len, got 0/)
    await expect(pass.logits(new Array(21).fill(1))).rejects.toThrow(/max_position_embeddings 20/)
    await expect(pass.logits([11])).rejects.toThrow(/vocab_size 11/)
    await expect(pass.logits([2 ** 32 + 1])).rejects.toThrow(/vocab_size 11/)
    await expect(pass.logits([1.5])).rejects.toThrow(/vocab_size 11 at position 0, got 1.5/)
    expect(() => new ForwardPass(device, config, { weights, binding: 'glued' as never })).toThrow(/binding, got glued/)
    expect(() => new ForwardPass(device, config, { weights, dtype: 'int8' as never })).toThrow(/dtype, got int8/)
    expect(() => new ForwardPass(device, config, { weights: new Map() })).toThrow(/model.embed_tokens.weight/)
  })
})

describe('generation', () => {
  it('is greedy by default and repeats itself', async () => {
    const tokens = await continuation([3], { maxTokens: 6 })
    expect(tokens.length).toBe(6)
    expect(await continuation([3, ...tokens.slice(0, 2)], { maxTokens: 4 })).toEqual(tokens.slice(2))
  })

  it('samples the same text with the same seed and another with another', async () => {
    const run = (seed: number) => continuation([3], { maxTokens: 12, temperature: 2, topK: 8, topP: 0.95, seed })
    expect(await run(1)).toEqual(await run(1))
    expect(await run(1)).not.toEqual(await run(2))
  })

  it('ends at a stop token, which it does not yield, and after the last position', async () => {
    const sampled = { temperature: 2, seed: 1 }
    const tokens = await continuation([3], sampled)
    expect(tokens.length).toBe(20)
    const stop = tokens[tokens.findIndex((token, i) => i > 0 && !tokens.slice(0, i).includes(token))]
    expect(await continuation([3], { ...sampled, stopTokens: [stop] })).toEqual(tokens.slice(0, tokens.indexOf(stop)))
  })

  it('refuses an empty prompt', async () => {
    await expect(continuation([], {})).rejects.toThrow(RangeError)
    await expect(continuation([1], { maxTokens: -1 })).rejects.toThrow(/max_tokens/)
  })
})
