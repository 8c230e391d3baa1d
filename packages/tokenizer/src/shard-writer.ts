import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { HEADER_BYTES, MANIFEST, type TokenDtype, tokenBytes, writeShardHeader } from './shard-header.js'
import type { Tokenizer } from './tokenizer.js'

const BUFFER_TOKENS = 1 << 18

/** Where `writeShards` writes, and how documents become tokens. */
export interface WriteShardsOptions {
  /** A folder that does not exist yet or is empty; it appears complete or not at all. */
  folder: string
  /** @default 'auto': uint16 when the vocabulary fits, else uint32 */
  dtype?: TokenDtype | 'auto'
  /** Tokens after which a new file begins. @default 2^26 */
  tokensPerShard?: number
  /** Put BOS before every document. @default whether the tokenizer has one */
  bos?: boolean
  /** Put EOS after every document. @default false */
  eos?: boolean
}

/** What `writeShards` wrote. */
export interface WrittenShards {
  tokens: number
  documents: number
  files: string[]
}

/**
 * Encodes documents into token shards, with the tokenizer beside them as `tokenizer.json`.
 *
 * One document is in memory at a time.
 *
 * @throws {RangeError} when the folder holds files, the dtype is too narrow for the vocabulary, or there is no document
 */
export async function writeShards(
  tokenizer: Tokenizer,
  documents: Iterable<string> | AsyncIterable<string>,
  options: WriteShardsOptions,
): Promise<WrittenShards> {
  const { folder, tokensPerShard = 2 ** 26, bos = tokenizer.bosId !== undefined, eos = false } = options
  const automatic = tokenizer.vocabSize <= 65536 ? 'uint16' : 'uint32'
  const dtype = options.dtype === undefined || options.dtype === 'auto' ? automatic : options.dtype
  if (dtype === 'uint16' && automatic === 'uint32') {
    throw new RangeError(`Expected "uint32" for dtype with ${tokenizer.vocabSize} tokens, got "uint16".`)
  }
  if (!Number.isInteger(tokensPerShard) || tokensPerShard < 1) {
    throw new RangeError(`Expected a positive integer for tokensPerShard, got ${tokensPerShard}.`)
  }
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new RangeError(`Expected a new or empty folder for folder, got ${folder}, which holds files.`)
  }
  const partial = `${path.resolve(folder)}.partial-${process.pid}`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial, { recursive: true })
  const writer = new ShardWriter(partial, dtype, tokensPerShard, tokenizer)
  try {
    let count = 0
    for await (const text of documents) {
      writer.write(tokenizer.encode(text, { bos, eos }))
      count++
    }
    const written = writer.finish(count)
    if (written.tokens === 0) throw new RangeError('Expected documents with text for documents, got none.')
    await tokenizer.save(partial)
    renameSync(partial, folder)
    return written
  } catch (error) {
    writer.abandon()
    rmSync(partial, { recursive: true, force: true })
    throw error
  }
}

class ShardWriter {
  private readonly files: { file: string; tokens: number }[] = []
  private readonly buffer: Uint16Array | Uint32Array
  private buffered = 0
  private fd?: number
  private inShard = 0
  private checksum = 0

  constructor(
    private readonly folder: string,
    private readonly dtype: TokenDtype,
    private readonly tokensPerShard: number,
    private readonly tokenizer: Tokenizer,
  ) {
    this.buffer = dtype === 'uint16' ? new Uint16Array(BUFFER_TOKENS) : new Uint32Array(BUFFER_TOKENS)
  }

  write(ids: readonly number[]): void {
    for (let i = 0; i < ids.length; i++) {
      if (this.buffered === BUFFER_TOKENS || this.inShard + this.buffered === this.tokensPerShard) this.flush()
      if (this.inShard === this.tokensPerShard) this.endShard()
      this.buffer[this.buffered++] = ids[i]
    }
  }

  finish(documents: number): WrittenShards {
    this.flush()
    this.endShard()
    const tokens = this.files.reduce((sum, shard) => sum + shard.tokens, 0)
    const manifest = {
      format: 'ane-token-shards',
      version: 1,
      dtype: this.dtype,
      vocab_size: this.tokenizer.vocabSize,
      tokens,
      documents,
      tokenizer_sha256: this.tokenizer.checksum(),
      shards: this.files,
    }
    writeFileSync(path.join(this.folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`)
    return { tokens, documents, files: this.files.map((shard) => shard.file) }
  }

  abandon(): void {
    if (this.fd !== undefined) closeSync(this.fd)
    this.fd = undefined
  }

  private flush(): void {
    if (this.buffered === 0) return
    if (this.fd === undefined) {
      const file = `shard-${String(this.files.length).padStart(5, '0')}.bin`
      this.fd = openSync(path.join(this.folder, file), 'wx')
      this.files.push({ file, tokens: 0 })
      writeFully(this.fd, new Uint8Array(HEADER_BYTES), 0)
    }
    const bytes = new Uint8Array(this.buffer.buffer, 0, this.buffered * tokenBytes(this.dtype))
    writeFully(this.fd, bytes, HEADER_BYTES + this.inShard * tokenBytes(this.dtype))
    this.checksum = crc32(bytes, this.checksum)
    this.inShard += this.buffered
    this.buffered = 0
  }

  private endShard(): void {
    if (this.fd === undefined) return
    const header = {
      dtype: this.dtype,
      tokens: this.inShard,
      vocabSize: this.tokenizer.vocabSize,
      crc32: this.checksum,
      tokenizerChecksum: this.tokenizer.checksum(),
    }
    writeFully(this.fd, writeShardHeader(header), 0)
    fsyncSync(this.fd)
    closeSync(this.fd)
    this.fd = undefined
    this.files[this.files.length - 1].tokens = this.inShard
    this.inShard = 0
    this.checksum = 0
  }
}

function writeFully(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, position + done)
}
