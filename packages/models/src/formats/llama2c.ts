/**
 * The `.bin` checkpoints of llama2.c: `legacy` (seven int32, then the weights, then rotary tables) and `v1` (magic, version,
 * 256-byte header). Both store a kind of weight for all layers together, fp32, query and key rows in interleaved order.
 *
 * @see https://github.com/karpathy/llama2.c, `run.c` and `export.py`
 */
import { type ModelConfig, modelConfig } from '../config.js'
import { FormatError } from '../format-error.js'
import { checkWeights, elementCount, type Weights, weightShapes } from '../weights.js'
import { writeFileAtomically } from './atomic-write.js'
import { halfToInterleaved, interleavedToHalf, isRotated } from './rope-permutation.js'
import { WindowedFile } from './windowed-file.js'

/** Layout of a llama2.c file. */
export type Llama2cVersion = 'legacy' | 'v1'

const MAGIC = 0x616b3432
const V1_HEADER = 256
const LEGACY_HEADER = 28
/** Rotary tables of the legacy layout follow the final norm; nothing reads them. */
const FREQUENCIES = Symbol('frequency tables')

const legacyOrder = [
  'embed_tokens',
  'input_layernorm',
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn.o_proj',
  'post_attention_layernorm',
  'mlp.gate_proj',
  'mlp.down_proj',
  'mlp.up_proj',
  'norm',
  FREQUENCIES,
  'lm_head',
] as const

const v1Order = [
  'input_layernorm',
  'post_attention_layernorm',
  'norm',
  'embed_tokens',
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn.o_proj',
  'mlp.gate_proj',
  'mlp.down_proj',
  'mlp.up_proj',
  'lm_head',
] as const

/** Checkpoint names in file order, with the bytes to skip where the rotary tables are. */
function* storageOrder(config: ModelConfig, version: Llama2cVersion): Generator<string | number> {
  for (const kind of version === 'legacy' ? legacyOrder : v1Order) {
    if (kind === FREQUENCIES) yield 4 * config.max_position_embeddings * config.head_dim
    else if (kind === 'lm_head') {
      if (!config.tie_word_embeddings) yield 'lm_head.weight'
    } else if (kind === 'embed_tokens' || kind === 'norm') yield `model.${kind}.weight`
    else for (let layer = 0; layer < config.num_hidden_layers; layer++) yield `model.layers.${layer}.${kind}.weight`
  }
}

function headerConfig(fields: readonly number[], tied: boolean, path: string, offset: number): ModelConfig {
  const [hidden, intermediate, layers, heads, keyValueHeads, vocabulary, positions] = fields
  try {
    return modelConfig({
      model_type: 'llama',
      hidden_size: hidden,
      intermediate_size: intermediate,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: keyValueHeads,
      vocab_size: vocabulary,
      max_position_embeddings: positions,
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
      tie_word_embeddings: tied,
      ...(vocabulary > 2 ? { bos_token_id: 1, eos_token_id: 2 } : {}),
    })
  } catch (cause) {
    throw new FormatError(`Expected a llama2.c header: ${(cause as Error).message}`, { path, offset, cause })
  }
}

async function readHeader(
  file: WindowedFile,
): Promise<{ config: ModelConfig; version: Llama2cVersion; start: number }> {
  const head = await file.read(0, LEGACY_HEADER)
  const integers = (bytes: Buffer, offset: number) =>
    Array.from({ length: 7 }, (_, i) => bytes.readInt32LE(offset + 4 * i))
  if (head.readUInt32LE(0) === MAGIC) {
    const bytes = await file.read(0, V1_HEADER)
    const version = bytes.readInt32LE(4)
    if (version !== 1) {
      const hint = version === 2 ? ' Quantized files are not supported; export with --version 1.' : ''
      throw new FormatError(`Expected 1 for the llama2.c version, got ${version}.${hint}`, {
        path: file.path,
        offset: 4,
      })
    }
    const shared = bytes[36]
    if (shared > 1)
      throw new FormatError(`Expected 0 or 1 for shared_classifier, got ${shared}.`, { path: file.path, offset: 36 })
    return { config: headerConfig(integers(bytes, 8), shared === 1, file.path, 8), version: 'v1', start: V1_HEADER }
  }
  const fields = integers(head, 0)
  const tied = fields[5] > 0
  fields[5] = Math.abs(fields[5])
  return { config: headerConfig(fields, tied, file.path, 0), version: 'legacy', start: LEGACY_HEADER }
}

/**
 * Reads a llama2.c checkpoint into Hugging Face names, query and key rows in half order.
 *
 * @throws {FormatError} with path and byte offset if the header is impossible or the size does not fit it exactly
 */
export async function readLlama2c(
  path: string,
): Promise<{ config: ModelConfig; weights: Weights; version: Llama2cVersion }> {
  const file = await WindowedFile.open(path)
  try {
    const { config, version, start } = await readHeader(file)
    const shapes = weightShapes(config)
    const bytes = (item: string | number) => (typeof item === 'number' ? item : 4 * elementCount(shapes.get(item)!))
    const order = [...storageOrder(config, version)]
    const expected = order.reduce<number>((sum, item) => sum + bytes(item), start)
    if (file.size !== expected) {
      const offset = Math.min(file.size, expected)
      throw new FormatError(`Expected ${expected} bytes for the header's shapes, got ${file.size}.`, { path, offset })
    }
    const found: Weights = new Map()
    let offset = start
    for (const item of order) {
      if (typeof item === 'string') {
        const data = await file.readFloat32(offset, bytes(item) / 4)
        found.set(item, isRotated(item) ? interleavedToHalf(data, config.head_dim, config.hidden_size) : data)
      }
      offset += bytes(item)
    }
    return { config, weights: new Map([...shapes.keys()].map((name) => [name, found.get(name)!])), version }
  } finally {
    await file.close()
  }
}

function checkExpressible(config: ModelConfig): void {
  const wanted: [string, unknown, unknown][] = [
    ['model_type', config.model_type, 'llama'],
    ['rope_theta', config.rope_theta, 10000],
    ['rms_norm_eps', config.rms_norm_eps, 1e-5],
    ['residual_multiplier', config.residual_multiplier, 1],
    ['activation_clip', config.activation_clip, undefined],
    ['head_dim', config.head_dim, config.hidden_size / config.num_attention_heads],
  ]
  for (const [name, value, expected] of wanted) {
    if (value !== expected)
      throw new RangeError(`Expected ${expected ?? 'nothing'} for ${name} in a llama2.c file, got ${value}.`)
  }
}

function rotaryTables(config: ModelConfig): Float32Array {
  const { max_position_embeddings: positions, head_dim: D, rope_theta: theta } = config
  const tables = new Float32Array(positions * D)
  for (let position = 0; position < positions; position++) {
    for (let pair = 0; pair < D / 2; pair++) {
      const angle = position * theta ** ((-2 * pair) / D)
      tables[(position * D) / 2 + pair] = Math.cos(angle)
      tables[((positions + position) * D) / 2 + pair] = Math.sin(angle)
    }
  }
  return tables
}

/**
 * Writes a llama2.c checkpoint atomically.
 *
 * @throws {RangeError} if the weights do not fit the configuration or the format cannot express it
 */
export async function writeLlama2c(
  path: string,
  model: { config: ModelConfig; weights: ReadonlyMap<string, Float32Array> },
  version: Llama2cVersion = 'legacy',
): Promise<void> {
  const { config, weights } = model
  checkExpressible(config)
  checkWeights(config, weights)
  const tied = config.tie_word_embeddings
  const header = Buffer.alloc(version === 'v1' ? V1_HEADER : LEGACY_HEADER)
  const fields = [
    config.hidden_size,
    config.intermediate_size,
    config.num_hidden_layers,
    config.num_attention_heads,
    config.num_key_value_heads,
    version === 'legacy' && !tied ? -config.vocab_size : config.vocab_size,
    config.max_position_embeddings,
  ]
  if (version === 'v1') {
    header.writeUInt32LE(MAGIC, 0)
    header.writeInt32LE(1, 4)
    header[36] = tied ? 1 : 0
  }
  for (const [i, field] of fields.entries()) header.writeInt32LE(field, (version === 'v1' ? 8 : 0) + 4 * i)
  await writeFileAtomically(path, async (file) => {
    await file.writeFile(header)
    for (const item of storageOrder(config, version)) {
      let data = typeof item === 'number' ? rotaryTables(config) : weights.get(item)!
      if (typeof item === 'string' && isRotated(item))
        data = halfToInterleaved(data, config.head_dim, config.hidden_size)
      await file.writeFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    }
  })
}
