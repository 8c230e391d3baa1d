import { type AddedToken, AddedTokenMatcher, readAddedTokens } from './added-tokens.js'
import { bytePiece, unspellBytes } from './byte-characters.js'
import { readDecoder, type TextDecoding } from './json-decoder.js'
import { JsonFields, type JsonObject } from './json-fields.js'
import { JsonModel } from './json-model.js'
import { buildNormalizer, type Normalizer } from './normalizer.js'
import { buildPreTokenizer, type PreTokenizer } from './pre-tokenizer.js'
import {
  BaseTokenizer,
  type EncodeOptions,
  type LeadingSpace,
  type TokenizerJson,
  type TokenizerKind,
} from './tokenizer.js'
import { writeTokenizerBin } from './tokenizer-bin.js'

/** Names of BOS and EOS, `null` for none; what is left out is found from the post-processor and well-known names. */
export interface SpecialNames {
  bos?: string | null
  eos?: string | null
}

const BOS_NAMES = ['<s>', '<|begin_of_text|>', '<bos>', '<|bos|>', '<|endoftext|>']
const EOS_NAMES = ['</s>', '<|end_of_text|>', '<eos>', '<|eos|>', '<|endoftext|>']

/** A tokenizer with the vocabulary and rules of a Hugging Face `tokenizer.json` that holds a BPE model. */
export class JsonTokenizer extends BaseTokenizer {
  readonly kind: TokenizerKind
  readonly vocabSize: number
  readonly bosId?: number
  readonly eosId?: number
  protected readonly leadingSpace: LeadingSpace
  private readonly model: JsonModel
  private readonly added = new Map<number, AddedToken>()
  private readonly addedIds = new Map<string, number>()
  private readonly control = new Set<number>()
  private readonly verbatim: AddedTokenMatcher
  private readonly normalized: AddedTokenMatcher
  private readonly normalize: Normalizer
  private readonly preTokenize: PreTokenizer
  private readonly decoding: TextDecoding

  /**
   * @param json the parsed file; it is kept, not copied
   * @param path the file, for errors
   * @throws {FormatError} for a malformed file or a part that is not supported
   */
  constructor(
    private readonly json: JsonObject,
    names: SpecialNames = {},
    path?: string,
  ) {
    super()
    const fields = new JsonFields(path)
    const preTokenizer = buildPreTokenizer(json.pre_tokenizer, fields)
    this.decoding = readDecoder(json.decoder, fields)
    const byteLevel = preTokenizer.byteLevel || this.decoding.byteLevel
    this.kind = byteLevel ? 'byte-level-bpe' : 'sentencepiece-bpe'
    this.preTokenize = preTokenizer.split
    this.normalize = buildNormalizer(json.normalizer, fields)
    this.model = new JsonModel(json.model, byteLevel, fields)
    this.leadingSpace = this.decoding.leadingSpace
    const added = this.readAdded(fields)
    this.verbatim = new AddedTokenMatcher(added.filter((token) => !token.normalized))
    const rest = added.filter((token) => token.normalized)
    this.normalized = new AddedTokenMatcher(
      rest.map((token) => ({ ...token, content: this.normalizeAdded(token.content) })),
    )
    this.vocabSize = added.reduce((size, token) => Math.max(size, token.id + 1), this.model.tokens.length)
    const named = this.templateNames(fields)
    this.bosId = this.findSpecial(names.bos, [...named, ...BOS_NAMES], BOS_NAMES)
    this.eosId = this.findSpecial(names.eos, [...named, ...EOS_NAMES], EOS_NAMES)
    for (const token of added) if (token.special) this.control.add(token.id)
    for (const id of [this.bosId, this.eosId]) if (id !== undefined) this.control.add(id)
  }

  tokenToId(token: string): number | undefined {
    return this.addedIds.get(token) ?? this.model.ids.get(token)
  }

  idToToken(id: number): string | undefined {
    return this.added.get(id)?.content ?? this.model.tokens[id]
  }

  toJSON(): TokenizerJson {
    return this.json
  }

  toTokenizerBin(): Uint8Array {
    if (this.kind === 'byte-level-bpe') {
      throw new TypeError('Expected a SentencePiece vocabulary for tokenizer.bin, got a byte-level one.')
    }
    if (this.normalize('a b') !== '\u2581a\u2581b' && this.normalize('a b') !== ' a b') {
      throw new TypeError('Expected a tokenizer that puts a space before every text for tokenizer.bin, got another.')
    }
    const ranks = this.model.ranks()
    const pieces = Array.from({ length: this.vocabSize }, (_, id) => {
      const token = this.idToToken(id) ?? ''
      const control = (id === this.bosId || id === this.eosId) && !token.startsWith('\n')
      const text = control ? `\n${token}\n` : this.decoding.replace(token)
      // llama2.c merges nothing at or below −1e10, which keeps pieces without a merge unreachable.
      const score = ranks.has(id)
        ? -ranks.get(id)!
        : [...text].length > 1 && bytePiece(text) < 0 && !control
          ? -1e10
          : 0
      return { text, score }
    })
    return writeTokenizerBin(pieces)
  }

  protected append(text: string, out: number[], { specialTokens = true }: EncodeOptions): void {
    let first = true
    const sections = specialTokens ? this.verbatim.split(text) : text === '' ? [] : [{ text }]
    for (const section of sections) {
      if (section.id !== undefined) out.push(section.id)
      else this.appendText(section.text, first, out, specialTokens)
      first = false
    }
  }

  protected tokenBytes(id: number): Uint8Array {
    const added = this.added.get(id)
    if (this.kind === 'byte-level-bpe') {
      return added ? Buffer.from(added.content) : unspellBytes(this.model.tokens[id] ?? '')
    }
    if (this.control.has(id)) return new Uint8Array(0)
    const token = this.idToToken(id) ?? ''
    if (this.decoding.byteFallback && bytePiece(token) >= 0) return Uint8Array.of(bytePiece(token))
    return Buffer.from(this.decoding.replace(token))
  }

  protected override hasSpace(id: number): boolean {
    return bytePiece(this.idToToken(id) ?? '') < 0
  }

  private appendText(text: string, first: boolean, out: number[], specialTokens: boolean): void {
    const normalized = this.normalize(text)
    const sections = specialTokens ? this.normalized.split(normalized) : normalized === '' ? [] : [{ text: normalized }]
    for (const [i, section] of sections.entries()) {
      if (section.id !== undefined) out.push(section.id)
      else for (const word of this.words(section.text, first && i === 0)) this.model.append(word, out)
    }
  }

  private words(text: string, first: boolean): string[] {
    try {
      return this.preTokenize(text, first)
    } catch (cause) {
      // JavaScript's expression engine keeps a stack entry per character of a match in two-byte text.
      const message = `Expected words of fewer than about a million characters in text, got ${text.length} characters.`
      throw new RangeError(message, { cause })
    }
  }

  /** Added tokens match normalized text, but a prefix that the normalizer puts before every text is not part of them. */
  private normalizeAdded(content: string): string {
    const prefix = this.normalize('x').replace(/x$/, '')
    const normalized = this.normalize(content)
    return prefix !== '' && normalized.startsWith(prefix) ? normalized.slice(prefix.length) : normalized
  }

  private readAdded(fields: JsonFields): AddedToken[] {
    const tokens = readAddedTokens(this.json.added_tokens, fields)
    for (const token of tokens) {
      const held = this.model.tokens[token.id]
      if (held !== undefined && held !== token.content && this.kind !== 'sentencepiece-bpe') {
        throw fields.expected(
          `${JSON.stringify(held)}, as in the vocabulary,`,
          `added token ${token.id}`,
          token.content,
        )
      }
      this.added.set(token.id, token)
      this.addedIds.set(token.content, token.id)
    }
    return tokens
  }

  /** The special tokens that the post-processor names. */
  private templateNames(fields: JsonFields): string[] {
    const processor = this.json.post_processor as JsonObject | null | undefined
    if (processor?.type !== 'TemplateProcessing' || processor.special_tokens === undefined) return []
    return Object.keys(fields.object(processor.special_tokens, 'post_processor.special_tokens'))
  }

  private findSpecial(name: string | null | undefined, candidates: string[], known: string[]): number | undefined {
    if (name === null) return undefined
    if (name !== undefined) return this.tokenToId(name)
    const found = candidates.find((token) => known.includes(token.trim()) && this.tokenToId(token) !== undefined)
    return found === undefined ? undefined : this.tokenToId(found)
  }
}
