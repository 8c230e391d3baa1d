import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { decodePerByte, decodePerRun, incompleteTail } from './utf8.js'

/** What `encode` adds to the ids of the text. */
export interface EncodeOptions {
  /** Put the beginning-of-sequence id first. @default false */
  bos?: boolean
  /** Put the end-of-sequence id last. @default false */
  eos?: boolean
  /** Turn text that spells an added token, such as `<|endoftext|>`, into that token; `tokenizer.json` only. @default true */
  specialTokens?: boolean
}

/** Which family of vocabulary a tokenizer holds, and so how it cuts text. */
export type TokenizerKind = 'byte-level-bpe' | 'sentencepiece-bpe' | 'llama2c-bpe'

/** The contents of a Hugging Face `tokenizer.json`. */
export type TokenizerJson = Record<string, unknown>

/** Turns text into token ids and back. */
export interface Tokenizer {
  readonly kind: TokenizerKind
  /** One more than the largest token id. */
  readonly vocabSize: number
  readonly bosId?: number
  readonly eosId?: number
  /** Encodes a text; nothing is added unless asked. @throws {RangeError} when an asked-for BOS or EOS does not exist */
  encode(text: string, options?: EncodeOptions): number[]
  /** Decodes ids; malformed UTF-8 becomes U+FFFD. @throws {RangeError} for an id outside the vocabulary */
  decode(ids: ArrayLike<number>): string
  /** Decodes ids to the exact bytes they stand for. @throws {RangeError} for an id outside the vocabulary */
  decodeBytes(ids: ArrayLike<number>): Uint8Array
  /** Starts decoding ids that arrive one by one. */
  decoder(): StreamingDecoder
  /** Gives the id of a token as its vocabulary file spells it. */
  tokenToId(token: string): number | undefined
  /** Gives the token of an id as its vocabulary file spells it. */
  idToToken(id: number): string | undefined
  /** Gives the contents of a `tokenizer.json` that loads to a tokenizer with the same ids. */
  toJSON(): TokenizerJson
  /** Gives the bytes of a llama2.c `tokenizer.bin`. @throws {TypeError} for a byte-level vocabulary, which it cannot hold */
  toTokenizerBin(): Uint8Array
  /** Writes `tokenizer.json` and `tokenizer_config.json` into a folder, which is created when missing. */
  save(folder: string): Promise<void>
  /** SHA-256, in hexadecimal, of the contents of `toJSON()`: equal for tokenizers that give equal ids. */
  checksum(): string
}

/** Decodes ids as they arrive, holding back bytes of a character that is not complete yet. */
export interface StreamingDecoder {
  /** Takes the next id and gives the text that is certain by now, often empty in the middle of a character. */
  push(id: number): string
  /** Gives what was held back, malformed parts as U+FFFD; the decoder then starts anew. */
  end(): string
}

/** Which leading spaces decoding drops: none, the one a dummy prefix left, or all. */
export type LeadingSpace = 'keep' | 'drop-one' | 'drop-all'

/** How far a sequence has been decoded, for the spaces at its start. */
interface DecodeState {
  empty: boolean
  dropped: boolean
}

/** What the tokenizers share: decoding, streaming and saving. */
export abstract class BaseTokenizer implements Tokenizer {
  abstract readonly kind: TokenizerKind
  abstract readonly vocabSize: number
  abstract readonly bosId?: number
  abstract readonly eosId?: number
  protected abstract readonly leadingSpace: LeadingSpace
  private readonly bytes: Uint8Array[] = []
  private digest?: string

  abstract tokenToId(token: string): number | undefined
  abstract idToToken(id: number): string | undefined
  abstract toJSON(): TokenizerJson
  abstract toTokenizerBin(): Uint8Array
  /** Appends the ids of a text. */
  protected abstract append(text: string, out: number[], options: EncodeOptions): void
  /** Gives the bytes of a token, spaces written as spaces, nothing for a control token. */
  protected abstract tokenBytes(id: number): Uint8Array

  encode(text: string, options: EncodeOptions = {}): number[] {
    if (typeof text !== 'string') throw new TypeError(`Expected a string for text, got ${typeof text}.`)
    const out: number[] = []
    if (options.bos) out.push(required(this.bosId, 'bos'))
    this.append(text, out, options)
    if (options.eos) out.push(required(this.eosId, 'eos'))
    return out
  }

  decode(ids: ArrayLike<number>): string {
    return this.text(this.decodeBytes(ids))
  }

  decodeBytes(ids: ArrayLike<number>): Uint8Array {
    const state = { empty: true, dropped: false }
    const parts: Uint8Array[] = []
    for (let i = 0; i < ids.length; i++) parts.push(this.step(ids[i], state))
    return Buffer.concat(parts)
  }

  decoder(): StreamingDecoder {
    let state = { empty: true, dropped: false }
    let held: Uint8Array = new Uint8Array(0)
    return {
      push: (id) => {
        const bytes = Buffer.concat([held, this.step(id, state)])
        const complete = bytes.length - incompleteTail(bytes)
        held = bytes.subarray(complete)
        return this.text(bytes.subarray(0, complete))
      },
      end: () => {
        const rest = this.text(held)
        state = { empty: true, dropped: false }
        held = new Uint8Array(0)
        return rest
      },
    }
  }

  checksum(): string {
    this.digest ??= createHash('sha256').update(JSON.stringify(this.toJSON())).digest('hex')
    return this.digest
  }

  async save(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true })
    await writeFile(path.join(folder, 'tokenizer.json'), `${JSON.stringify(this.toJSON())}\n`)
    const name = (id: number | undefined) => (id === undefined ? null : (this.idToToken(id) ?? null))
    const config = {
      tokenizer_class: 'PreTrainedTokenizerFast',
      bos_token: name(this.bosId),
      eos_token: name(this.eosId),
      clean_up_tokenization_spaces: false,
    }
    await writeFile(path.join(folder, 'tokenizer_config.json'), `${JSON.stringify(config, null, 2)}\n`)
  }

  private text(bytes: Uint8Array): string {
    return this.kind === 'byte-level-bpe' ? decodePerRun(bytes) : decodePerByte(bytes)
  }

  private step(id: number, state: DecodeState): Uint8Array {
    if (!Number.isInteger(id) || id < 0 || id >= this.vocabSize) {
      throw new RangeError(`Expected a token id below ${this.vocabSize}, got ${id}.`)
    }
    let bytes = (this.bytes[id] ??= this.tokenBytes(id))
    if (this.leadingSpace === 'keep') return bytes
    const atStart = state.empty && !state.dropped
    state.dropped = false
    if (atStart && bytes[0] === 0x20 && this.hasSpace(id)) {
      bytes = bytes.subarray(1)
      state.dropped = this.leadingSpace === 'drop-one'
    }
    if (bytes.length > 0) state.empty = false
    return bytes
  }

  /** Says whether a leading space of this token may be the dummy prefix; a byte piece's may not. */
  protected hasSpace(_id: number): boolean {
    return true
  }
}

function required(id: number | undefined, option: 'bos' | 'eos'): number {
  if (id === undefined)
    throw new RangeError(`Expected a vocabulary with a ${option} token for ${option}, got one without.`)
  return id
}
