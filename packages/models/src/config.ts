/**
 * Model configuration with the field names of Hugging Face's `config.json`.
 *
 * `model_type` decides the only structural difference: `qwen3` has a norm on every query and key head, `llama` has not.
 */

/** Shape and constants of a decoder-only transformer. */
export interface ModelConfig {
  readonly model_type: 'llama' | 'qwen3'
  readonly hidden_size: number
  readonly intermediate_size: number
  readonly num_hidden_layers: number
  readonly num_attention_heads: number
  readonly num_key_value_heads: number
  readonly head_dim: number
  readonly vocab_size: number
  readonly max_position_embeddings: number
  readonly rms_norm_eps: number
  readonly rope_theta: number
  readonly tie_word_embeddings: boolean
  /** Factor on what attention and MLP add to the residual stream; 1 in plain Llama and Qwen3. */
  readonly residual_multiplier: number
  /** Clips the residual stream after every attention and MLP to ±this value; absent in plain Llama and Qwen3: no clipping. */
  readonly activation_clip?: number
  readonly bos_token_id?: number
  readonly eos_token_id?: number | readonly number[]
}

const MAX_DIMENSION = 1 << 20

type Fields = Readonly<Record<string, unknown>>

const describe = (value: unknown): string =>
  value === undefined ? 'nothing' : typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))

function integer(fields: Fields, name: string, fallback?: number, max = MAX_DIMENSION): number {
  const value = fields[name] ?? fallback
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > max) {
    throw new RangeError(`Expected an integer from 1 to ${max} for ${name}, got ${describe(value)}.`)
  }
  return value as number
}

function positive(fields: Fields, name: string, fallback?: number): number {
  const value = fields[name] ?? fallback
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
    throw new RangeError(`Expected a positive number for ${name}, got ${describe(value)}.`)
  }
  return value
}

function tokenId(value: unknown, name: string, vocabSize: number): number {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) >= vocabSize) {
    throw new RangeError(`Expected a token id below vocab_size ${vocabSize} for ${name}, got ${describe(value)}.`)
  }
  return value as number
}

function refuse(fields: Fields, name: string, supported: readonly unknown[], hint: string): void {
  const value = fields[name]
  if (value !== undefined && value !== null && !supported.includes(value)) {
    throw new RangeError(`Expected ${hint} for ${name}, got ${describe(value)}.`)
  }
}

function ropeTheta(fields: Fields): number {
  const nested = (fields.rope_parameters ?? fields.rope_scaling) as Fields | null | undefined
  if (nested !== null && nested !== undefined) {
    const type = typeof nested === 'object' ? (nested.rope_type ?? nested.type) : nested
    if (type !== 'default') throw new RangeError(`Expected no rope scaling for rope_scaling, got ${describe(type)}.`)
    return positive({ rope_theta: nested.rope_theta ?? fields.rope_theta }, 'rope_theta', 10000)
  }
  return positive(fields, 'rope_theta', 10000)
}

/**
 * Reads and checks a configuration; fields that do not concern the computation are ignored, fields that would change it
 * in an unsupported way are refused.
 *
 * @throws {TypeError} if `fields` is not an object
 * @throws {RangeError} naming the first field that is missing, impossible or unsupported
 */
export function modelConfig(fields: object): ModelConfig {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new TypeError(`Expected an object for the model configuration, got ${describe(fields)}.`)
  }
  const given = fields as Fields
  const modelType = given.model_type
  if (modelType !== 'llama' && modelType !== 'qwen3') {
    throw new RangeError(`Expected llama or qwen3 for model_type, got ${describe(modelType)}.`)
  }
  refuse(given, 'hidden_act', ['silu', 'swish'], 'silu')
  refuse(given, 'attention_bias', [false], 'false')
  refuse(given, 'mlp_bias', [false], 'false')
  refuse(given, 'use_sliding_window', [false], 'false')
  refuse(given, 'partial_rotary_factor', [1], '1')
  refuse(given, 'tie_word_embeddings', [true, false], 'true or false')

  const hiddenSize = integer(given, 'hidden_size')
  const heads = integer(given, 'num_attention_heads')
  const keyValueHeads = integer(given, 'num_key_value_heads', heads)
  if (heads % keyValueHeads !== 0) {
    throw new RangeError(
      `Expected num_attention_heads to be a multiple of num_key_value_heads, got ${heads} and ${keyValueHeads}.`,
    )
  }
  const givenHeadDim = given.head_dim ?? undefined
  if (givenHeadDim === undefined && hiddenSize % heads !== 0) {
    throw new RangeError(
      `Expected num_attention_heads to divide hidden_size ${hiddenSize}, got ${heads}. Set head_dim to make them independent.`,
    )
  }
  const headDim = integer(given, 'head_dim', hiddenSize / heads)
  if (headDim % 2 !== 0) throw new RangeError(`Expected an even number for head_dim, got ${headDim}.`)
  const vocabSize = integer(given, 'vocab_size', undefined, 1 << 24)
  const config: ModelConfig = {
    model_type: modelType,
    hidden_size: hiddenSize,
    intermediate_size: integer(given, 'intermediate_size'),
    num_hidden_layers: integer(given, 'num_hidden_layers', undefined, 1024),
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    head_dim: headDim,
    vocab_size: vocabSize,
    max_position_embeddings: integer(given, 'max_position_embeddings', undefined, 1 << 24),
    rms_norm_eps: positive(given, 'rms_norm_eps', 1e-5),
    rope_theta: ropeTheta(given),
    tie_word_embeddings: (given.tie_word_embeddings as boolean | undefined | null) ?? false,
    residual_multiplier: positive(given, 'residual_multiplier', 1),
  }
  const clip = given.activation_clip ?? undefined
  const bos = given.bos_token_id ?? undefined
  const eos = given.eos_token_id ?? undefined
  return {
    ...config,
    ...(clip === undefined ? {} : { activation_clip: positive(given, 'activation_clip') }),
    ...(bos === undefined ? {} : { bos_token_id: tokenId(bos, 'bos_token_id', vocabSize) }),
    ...(eos === undefined
      ? {}
      : {
          eos_token_id: Array.isArray(eos)
            ? eos.map((id) => tokenId(id, 'eos_token_id', vocabSize))
            : tokenId(eos, 'eos_token_id', vocabSize),
        }),
  }
}

/**
 * Checks a sequence length against the positions the model knows.
 *
 * @throws {RangeError} if `seqLen` is not an integer from 1 to `max_position_embeddings`
 */
export function checkSeqLen(config: ModelConfig, seqLen: number): void {
  if (!Number.isInteger(seqLen) || seqLen < 1 || seqLen > config.max_position_embeddings) {
    throw new RangeError(
      `Expected an integer from 1 to max_position_embeddings ${config.max_position_embeddings} for seq_len, got ${seqLen}.`,
    )
  }
}

/** Whether every query and key head is normalised before the rotation. */
export const hasQueryKeyNorm = (config: ModelConfig): boolean => config.model_type === 'qwen3'
