import { FormatError } from './format-error.js'
import { MAX_PIECES } from './piece-vocabulary.js'

/** How tokens are stored, little-endian. */
export type TokenDtype = 'uint16' | 'uint32'

/** Bytes before the tokens of a shard. */
export const HEADER_BYTES = 64
/** The file that lists the shards of a folder. */
export const MANIFEST = 'shards.json'

const MAGIC = 'ANETOKEN'
const VERSION = 1

/** What the first 64 bytes of a shard state. */
export interface ShardHeader {
  dtype: TokenDtype
  tokens: number
  vocabSize: number
  /** CRC-32 of the bytes after the header. */
  crc32: number
  /** SHA-256 of the tokenizer, in hexadecimal. */
  tokenizerChecksum: string
}

/** Gives the bytes one token takes. */
export function tokenBytes(dtype: TokenDtype): 2 | 4 {
  return dtype === 'uint16' ? 2 : 4
}

/** Says whether the bytes begin as a shard does. */
export function hasMagic(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, MAGIC.length)).toString('latin1') === MAGIC
}

/**
 * Writes a header: magic, uint32 version, uint32 bytes per token, uint64 tokens, uint32 vocabulary size, uint32 CRC-32,
 * 32 bytes of SHA-256.
 */
export function writeShardHeader(header: ShardHeader): Uint8Array {
  const bytes = Buffer.alloc(HEADER_BYTES)
  bytes.write(MAGIC, 0, 'latin1')
  bytes.writeUInt32LE(VERSION, 8)
  bytes.writeUInt32LE(tokenBytes(header.dtype), 12)
  bytes.writeBigUInt64LE(BigInt(header.tokens), 16)
  bytes.writeUInt32LE(header.vocabSize, 24)
  bytes.writeUInt32LE(header.crc32, 28)
  bytes.write(header.tokenizerChecksum, 32, 'hex')
  return bytes
}

/**
 * Reads a header and checks it against the size of the file.
 *
 * @throws {FormatError} when it is no shard, cut off, or its count does not match `fileBytes`
 */
export function readShardHeader(bytes: Uint8Array, fileBytes: number, path: string): ShardHeader {
  const fail = (message: string, offset: number): never => {
    throw new FormatError(message, { path, offset })
  }
  if (bytes.length < HEADER_BYTES)
    fail(`Expected a header of ${HEADER_BYTES} bytes, got ${bytes.length}.`, bytes.length)
  if (!hasMagic(bytes)) fail(`Expected the start of a token shard, got another file.`, 0)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const version = view.getUint32(8, true)
  if (version !== VERSION) fail(`Expected ${VERSION} for version, got ${version}.`, 8)
  const width = view.getUint32(12, true)
  if (width !== 2 && width !== 4) fail(`Expected 2 or 4 for bytes per token, got ${width}.`, 12)
  const tokens = view.getBigUint64(16, true)
  const held = (fileBytes - HEADER_BYTES) / width
  if (tokens !== BigInt(Math.floor(held)) || !Number.isInteger(held)) {
    fail(`Expected ${tokens} tokens of ${width} bytes, got ${fileBytes - HEADER_BYTES} bytes.`, 16)
  }
  const vocabSize = view.getUint32(24, true)
  if (vocabSize < 1 || vocabSize > MAX_PIECES || (width === 2 && vocabSize > 65536)) {
    fail(`Expected a vocabulary that ${width} bytes can hold, got ${vocabSize}.`, 24)
  }
  return {
    dtype: width === 2 ? 'uint16' : 'uint32',
    tokens: Number(tokens),
    vocabSize,
    crc32: view.getUint32(28, true),
    tokenizerChecksum: Buffer.from(bytes.subarray(32, 64)).toString('hex'),
  }
}
