import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { FormatError } from './format-error.js'
import { JsonFields } from './json-fields.js'
import { parseJson } from './json-location.js'
import {
  HEADER_BYTES,
  hasMagic,
  MANIFEST,
  readShardHeader,
  type ShardHeader,
  type TokenDtype,
  tokenBytes,
} from './shard-header.js'

const MAX_SHARDS = 1 << 16

/** How `openShards` reads a file without a header. */
export interface OpenShardsOptions {
  /** `false` for a bare stream of little-endian tokens. @default true */
  header?: boolean
  /** Stored type of a bare stream. @default 'uint16' */
  dtype?: TokenDtype
  /** Vocabulary that the tokens of a bare stream must lie in. @default all values of the dtype, at most 2^31 */
  vocabSize?: number
}

/** A long row of tokens on disk, read window by window. */
export interface ShardReader {
  /** Tokens in all shards together. */
  readonly tokens: number
  readonly vocabSize: number
  readonly dtype: TokenDtype
  /** SHA-256 of the tokenizer that made the tokens; `undefined` for a bare stream. */
  readonly tokenizerChecksum?: string
  /**
   * Reads `length` tokens from `start`, across shards.
   *
   * @throws {RangeError} when the window leaves the tokens
   * @throws {FormatError} for a token beyond the vocabulary, or a file that got shorter, with path and byte offset
   */
  read(start: number, length: number): Int32Array
  /** Reads everything and compares with the checksums. @throws {FormatError} for the first shard that differs */
  verify(): void
  /** Closes the files; the caller owns them until then. */
  close(): void
}

/** Says whether a path is a folder of token shards or one shard file. */
export function isShards(location: string): boolean {
  if (!existsSync(location)) return false
  if (statSync(location).isDirectory()) return existsSync(path.join(location, MANIFEST))
  const fd = openSync(location, 'r')
  try {
    const bytes = new Uint8Array(8)
    return readSync(fd, bytes, 0, 8, 0) === 8 && hasMagic(bytes)
  } finally {
    closeSync(fd)
  }
}

/**
 * Opens a folder that `writeShards` made, one of its files, or (with `header: false`) a bare stream of tokens.
 *
 * @throws {FormatError} for a missing, truncated or lying file
 */
export function openShards(location: string, options: OpenShardsOptions = {}): ShardReader {
  if (!existsSync(location)) throw new FormatError('Expected token shards, got no file or folder.', { path: location })
  if (!statSync(location).isDirectory()) {
    return new FileShards([options.header === false ? openBare(location, options) : openShard(location)])
  }
  const manifestPath = path.join(location, MANIFEST)
  if (!existsSync(manifestPath))
    throw new FormatError(`Expected ${MANIFEST} in the folder, got none.`, { path: location })
  const fields = new JsonFields(manifestPath)
  const manifest = fields.object(parseJson(readFileSync(manifestPath, 'utf8'), manifestPath), MANIFEST)
  const listed = fields.array(manifest.shards, 'shards')
  if (listed.length < 1 || listed.length > MAX_SHARDS)
    throw fields.expected(`1 to ${MAX_SHARDS} entries`, 'shards', listed.length)
  const shards: Shard[] = []
  try {
    for (const [i, entry] of listed.entries()) {
      const { file, tokens } = fields.object(entry, `shards[${i}]`)
      const name = fields.string(file, `shards[${i}].file`)
      if (path.basename(name) !== name) throw fields.expected('a name without folders', `shards[${i}].file`, name)
      const shard = openShard(path.join(location, name))
      shards.push(shard)
      const { header } = shard
      if (header.tokens !== tokens) throw fields.expected(String(header.tokens), `shards[${i}].tokens`, tokens)
      if (header.vocabSize !== manifest.vocab_size)
        throw fields.expected(String(header.vocabSize), 'vocab_size', manifest.vocab_size)
      if (header.dtype !== manifest.dtype) throw fields.expected(header.dtype, 'dtype', manifest.dtype)
      if (header.tokenizerChecksum !== manifest.tokenizer_sha256) {
        throw fields.expected(
          `${header.tokenizerChecksum}, as in ${name},`,
          'tokenizer_sha256',
          manifest.tokenizer_sha256,
        )
      }
    }
    const reader = new FileShards(shards)
    if (reader.tokens !== manifest.tokens) throw fields.expected(String(reader.tokens), 'tokens', manifest.tokens)
    return reader
  } catch (error) {
    for (const shard of shards) closeSync(shard.fd)
    throw error
  }
}

/** One open file; `offset` is where its tokens begin. */
interface Shard {
  path: string
  fd: number
  offset: number
  header: Omit<ShardHeader, 'tokenizerChecksum' | 'crc32'> & { tokenizerChecksum?: string; crc32?: number }
}

function openShard(file: string): Shard {
  if (!existsSync(file)) throw new FormatError('Expected a token shard, got no file.', { path: file })
  const fd = openSync(file, 'r')
  try {
    const bytes = new Uint8Array(HEADER_BYTES)
    const count = readSync(fd, bytes, 0, HEADER_BYTES, 0)
    return {
      path: file,
      fd,
      offset: HEADER_BYTES,
      header: readShardHeader(bytes.subarray(0, count), fstatSync(fd).size, file),
    }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function openBare(file: string, { dtype = 'uint16', vocabSize }: OpenShardsOptions): Shard {
  const size = statSync(file).size
  const tokens = size / tokenBytes(dtype)
  if (size === 0 || !Number.isInteger(tokens)) {
    throw new FormatError(`Expected ${dtype} tokens, got ${size} bytes.`, { path: file, offset: size })
  }
  const header = { dtype, tokens, vocabSize: vocabSize ?? (dtype === 'uint16' ? 65536 : 2 ** 31) }
  return { path: file, fd: openSync(file, 'r'), offset: 0, header }
}

class FileShards implements ShardReader {
  readonly tokens: number
  readonly vocabSize: number
  readonly dtype: TokenDtype
  readonly tokenizerChecksum?: string
  private open = true

  constructor(private readonly shards: readonly Shard[]) {
    const { vocabSize, dtype, tokenizerChecksum } = shards[0].header
    this.tokens = shards.reduce((sum, shard) => sum + shard.header.tokens, 0)
    this.vocabSize = vocabSize
    this.dtype = dtype
    this.tokenizerChecksum = tokenizerChecksum
  }

  read(start: number, length: number): Int32Array {
    if (!this.open) throw new TypeError('Expected an open reader for read, got a closed one.')
    const whole = Number.isInteger(start) && Number.isInteger(length)
    if (!whole || start < 0 || length < 0 || start + length > this.tokens) {
      throw new RangeError(`Expected a window within ${this.tokens} tokens, got ${length} from ${start}.`)
    }
    const out = new Int32Array(length)
    let done = 0
    let first = start
    for (const shard of this.shards) {
      if (done === length) break
      const count = Math.min(shard.header.tokens - first, length - done)
      if (count > 0) {
        this.readShard(shard, first, out.subarray(done, done + count))
        done += count
        first = 0
      } else first -= shard.header.tokens
    }
    return out
  }

  verify(): void {
    const window = 1 << 18
    for (const shard of this.shards) {
      let checksum = 0
      for (let at = 0; at < shard.header.tokens; at += window) {
        checksum = crc32(readBytes(shard, at, Math.min(window, shard.header.tokens - at)), checksum)
      }
      if (shard.header.crc32 !== undefined && checksum !== shard.header.crc32) {
        const message = `Expected CRC-32 ${shard.header.crc32} of the tokens, got ${checksum}.`
        throw new FormatError(message, { path: shard.path, offset: shard.offset })
      }
    }
    for (let at = 0; at < this.tokens; at += window) this.read(at, Math.min(window, this.tokens - at))
  }

  close(): void {
    if (this.open) for (const shard of this.shards) closeSync(shard.fd)
    this.open = false
  }

  private readShard(shard: Shard, first: number, out: Int32Array): void {
    const bytes = readBytes(shard, first, out.length)
    const { vocabSize, dtype } = shard.header
    const tokens = dtype === 'uint16' ? new Uint16Array(bytes.buffer) : new Uint32Array(bytes.buffer)
    for (let i = 0; i < out.length; i++) {
      if (tokens[i] >= vocabSize) {
        const offset = shard.offset + (first + i) * tokenBytes(dtype)
        throw new FormatError(`Expected a token below ${vocabSize}, got ${tokens[i]}.`, { path: shard.path, offset })
      }
      out[i] = tokens[i]
    }
  }
}

function readBytes(shard: Shard, first: number, count: number): Uint8Array {
  const width = tokenBytes(shard.header.dtype)
  const bytes = new Uint8Array(count * width)
  const offset = shard.offset + first * width
  for (let done = 0; done < bytes.length; ) {
    const got = readSync(shard.fd, bytes, done, bytes.length - done, offset + done)
    if (got === 0)
      throw new FormatError(`Expected ${bytes.length} bytes, got ${done}.`, { path: shard.path, offset: offset + done })
    done += got
  }
  return bytes
}
