import { describe, expect, it } from 'vitest'
import { checkSeqLen, modelConfig } from './config.js'
import { flopsPerToken, memoryEstimate, parameterCount } from './estimates.js'
import { preset, presetNames } from './presets.js'

const fields = {
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 172,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  vocab_size: 97,
  max_position_embeddings: 32,
}

describe('a model configuration', () => {
  it('fills in what Hugging Face leaves out', () => {
    expect(modelConfig({ ...fields, head_dim: null, unknown_field: 1 })).toEqual({
      ...fields,
      num_key_value_heads: 4,
      head_dim: 16,
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
      tie_word_embeddings: false,
      residual_multiplier: 1,
    })
  })

  it('reads rope_theta from rope_parameters', () => {
    expect(modelConfig({ ...fields, rope_parameters: { rope_type: 'default', rope_theta: 5e5 } }).rope_theta).toBe(5e5)
  })

  it.each<[Record<string, unknown>, string]>([
    [{ model_type: 'gpt2' }, 'Expected llama or qwen3 for model_type, got "gpt2".'],
    [{ num_attention_heads: 5 }, 'Expected num_attention_heads to divide hidden_size 64, got 5.'],
    [{ num_key_value_heads: 3 }, 'Expected num_attention_heads to be a multiple of num_key_value_heads, got 4 and 3.'],
    [{ head_dim: 15 }, 'Expected an even number for head_dim, got 15.'],
    [{ hidden_size: undefined }, 'Expected an integer from 1 to 1048576 for hidden_size, got nothing.'],
    [{ vocab_size: 1.5 }, 'for vocab_size, got 1.5.'],
    [{ rms_norm_eps: 0 }, 'Expected a positive number for rms_norm_eps, got 0.'],
    [{ residual_multiplier: '1' }, 'Expected a positive number for residual_multiplier, got "1".'],
    [{ activation_clip: 0 }, 'Expected a positive number for activation_clip, got 0.'],
    [{ activation_clip: Number.POSITIVE_INFINITY }, 'Expected a positive number for activation_clip, got Infinity.'],
    [{ rope_scaling: { type: 'linear' } }, 'Expected no rope scaling for rope_scaling, got "linear".'],
    [{ attention_bias: true }, 'Expected false for attention_bias, got true.'],
    [{ hidden_act: 'gelu' }, 'Expected silu for hidden_act, got "gelu".'],
    [{ eos_token_id: 97 }, 'Expected a token id below vocab_size 97 for eos_token_id, got 97.'],
  ])('is refused with %j', (change, message) => {
    expect(() => modelConfig({ ...fields, ...change })).toThrow(message)
  })

  it('bounds the sequence length by max_position_embeddings', () => {
    expect(() => checkSeqLen(modelConfig(fields), 33)).toThrow(/max_position_embeddings 32 for seq_len, got 33/)
    expect(() => checkSeqLen(modelConfig(fields), 0)).toThrow(RangeError)
    checkSeqLen(modelConfig(fields), 32)
  })
})

describe('presets', () => {
  it('have the published parameter counts', () => {
    expect(parameterCount(preset('stories260k'))).toBe(260032)
    expect(parameterCount(preset('stories15m'))).toBe(15191712)
    expect(parameterCount(preset('stories42m'))).toBe(41689600)
    expect(parameterCount(preset('stories110m'))).toBe(109529856)
    expect(parameterCount(preset('qwen3-0.6b'))).toBe(596049920)
  })

  it('are listed when the name is unknown', () => {
    expect(() => preset('stories1b')).toThrow(presetNames().join(', '))
    expect(() => preset('toString')).toThrow(RangeError)
  })
})

describe('estimates', () => {
  it('count the work of Stories110M and keep its training under 3 GB', () => {
    const config = preset('stories110m')
    const { forward, training } = flopsPerToken(config, 256)
    expect(training).toBe(3 * forward)
    expect(forward / 2).toBe(parameterCount(config) - 25 * 768 + 12 * 2 * 256 * 768)
    const memory = memoryEstimate(config, { batchSize: 1, seqLen: 256 })
    expect(memory.total).toBeLessThan(3e9)
    expect(memory.moments).toBe(8 * 109529856)
  })
})
