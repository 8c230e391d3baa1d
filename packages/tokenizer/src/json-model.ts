import { byteCharacters, bytePiece, spellBytes } from './byte-characters.js'
import type { JsonFields } from './json-fields.js'
import { Merger } from './merge.js'
import { PairTable } from './pair-table.js'
import { MAX_PIECES } from './piece-vocabulary.js'
import { wellFormed } from './utf8.js'
import { chunks, crosses, WordCache } from './word-cache.js'

/** The BPE model of a `tokenizer.json`: symbols are bytes or characters, merges are tried in the order of the file. */
export class JsonModel {
  readonly ids = new Map<string, number>()
  /** Tokens by id; ids that the file leaves out are `undefined`. */
  readonly tokens: (string | undefined)[] = []
  readonly unknownId?: number
  private readonly table: PairTable
  private readonly merger: Merger
  private readonly cache = new WordCache()
  /** Id of each byte alone: its character in a byte-level vocabulary, `<0x0A>` in one with byte fallback. */
  private readonly bytes = new Int32Array(256).fill(-1)
  private readonly byteFallback: boolean
  private readonly fuseUnknown: boolean
  private readonly ignoreMerges: boolean
  private readonly boundary?: string

  /** @throws {FormatError} when it is not a BPE model, or a merge names a token that the vocabulary lacks */
  constructor(
    value: unknown,
    private readonly byteLevel: boolean,
    fields: JsonFields,
  ) {
    const spec = fields.object(value, 'model')
    if (spec.type !== undefined && spec.type !== 'BPE') throw fields.expected('"BPE"', 'model.type', spec.type)
    for (const name of ['dropout', 'continuing_subword_prefix', 'end_of_word_suffix']) {
      const setting = spec[name] ?? ''
      if (setting !== '' && setting !== 0) throw fields.expected('null', `model.${name}`, setting)
    }
    this.byteFallback = fields.flag(spec.byte_fallback, 'model.byte_fallback', false)
    this.fuseUnknown = fields.flag(spec.fuse_unk, 'model.fuse_unk', false)
    this.ignoreMerges = fields.flag(spec.ignore_merges, 'model.ignore_merges', false)
    this.readVocabulary(fields.object(spec.vocab, 'model.vocab'), fields)
    if (typeof spec.unk_token === 'string' && spec.unk_token !== '') {
      this.unknownId = this.ids.get(spec.unk_token)
      if (this.unknownId === undefined)
        throw fields.expected('a token of the vocabulary', 'model.unk_token', spec.unk_token)
    }
    for (let byte = 0; byte < 256; byte++)
      this.bytes[byte] = (byteLevel ? this.ids.get(byteCharacters[byte]) : undefined) ?? -1
    if (this.byteFallback && !byteLevel) {
      for (const [token, id] of this.ids) if (bytePiece(token) >= 0) this.bytes[bytePiece(token)] = id
    }
    this.table = this.readMerges(fields.array(spec.merges, 'model.merges'), fields)
    this.merger = new Merger(this.table)
    if (!byteLevel) this.boundary = ['\u2581', ' '].find((space) => this.separates(space))
  }

  /** Appends the ids of one word of the pre-tokenizer. */
  append(word: string, out: number[]): void {
    if (this.byteLevel) this.cache.append(word, out, this.encodeBytes)
    else if (this.boundary === undefined) this.cache.append(word, out, this.encodeCharacters)
    else for (const part of chunks(word, this.boundary)) this.cache.append(part, out, this.encodeCharacters)
  }

  /** Gives the lowest rank of the merges that make each token. */
  ranks(): Map<number, number> {
    const ranks = new Map<number, number>()
    this.table.visit((_left, _right, rank, merged) => ranks.set(merged, Math.min(rank, ranks.get(merged) ?? rank)))
    return ranks
  }

  private readonly encodeBytes = (word: string): number[] => {
    if (this.ignoreMerges) {
      const whole = this.ids.get(spellBytes(Buffer.from(word)))
      if (whole !== undefined) return [whole]
    }
    const bytes = Buffer.from(word)
    const row = new Int32Array(bytes.length)
    let count = 0
    for (const byte of bytes) {
      const id = this.bytes[byte] >= 0 ? this.bytes[byte] : this.unknownId
      if (id !== undefined) row[count++] = id
    }
    return Array.from(row.subarray(0, this.merger.merge(row, count)))
  }

  private readonly encodeCharacters = (word: string): number[] => {
    const whole = this.ignoreMerges ? this.ids.get(word) : undefined
    if (whole !== undefined) return [whole]
    const text = wellFormed(word)
    const row = new Int32Array(Buffer.byteLength(text))
    let count = 0
    let afterUnknown = false
    for (const character of text) {
      const id = this.ids.get(character)
      const spelled = id === undefined ? this.spell(character) : undefined
      const unknown = id === undefined && spelled === undefined
      if (id !== undefined) row[count++] = id
      else if (spelled) for (const byte of spelled) row[count++] = this.bytes[byte]
      else if (this.unknownId !== undefined && !(this.fuseUnknown && afterUnknown)) row[count++] = this.unknownId
      afterUnknown = unknown
    }
    return Array.from(row.subarray(0, this.merger.merge(row, count)))
  }

  private spell(character: string): Uint8Array | undefined {
    if (!this.byteFallback) return undefined
    const bytes = Buffer.from(character)
    return bytes.every((byte) => this.bytes[byte] >= 0) ? bytes : undefined
  }

  private readVocabulary(vocab: Record<string, unknown>, fields: JsonFields): void {
    for (const token of Object.keys(vocab)) {
      const id = fields.index(vocab[token], `the id of ${JSON.stringify(token)}`, MAX_PIECES)
      if (this.tokens[id] !== undefined) throw fields.expected('an id of its own', JSON.stringify(token), id)
      this.tokens[id] = token
      this.ids.set(token, id)
    }
  }

  private readMerges(merges: unknown[], fields: JsonFields): PairTable {
    if (merges.length > MAX_PIECES)
      throw fields.expected(`at most ${MAX_PIECES} entries`, 'model.merges', merges.length)
    const table = new PairTable(merges.length)
    for (let rank = 0; rank < merges.length; rank++) {
      const merge = merges[rank]
      const pair = typeof merge === 'string' ? merge.split(' ') : merge
      if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string' || typeof pair[1] !== 'string') {
        throw fields.expected('two tokens', `model.merges[${rank}]`, merge)
      }
      const left = this.ids.get(pair[0])
      const right = this.ids.get(pair[1])
      const merged = this.ids.get(pair[0] + pair[1])
      if (left === undefined || right === undefined || merged === undefined) {
        throw fields.expected('tokens of the vocabulary', `model.merges[${rank}]`, merge)
      }
      table.set(left, right, rank, merged)
    }
    return table
  }

  /** Says whether words may be cut before runs of `space` without changing any merge. */
  private separates(space: string): boolean {
    if (!this.ids.has(space)) return false
    let separates = true
    this.table.visit((_left, _right, _rank, merged) => {
      if (crosses(this.tokens[merged]!, space)) separates = false
    })
    return separates && !this.ignoreMerges
  }
}
