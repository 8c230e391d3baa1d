import { bytePiece } from './byte-characters.js'
import { FormatError } from './format-error.js'
import { Merger } from './merge.js'
import { PairTable } from './pair-table.js'
import { chunks, crosses, WordCache } from './word-cache.js'

/** Pieces in a file are bounded: the largest real vocabularies have about 262,000, the longest piece 256 bytes. */
export const MAX_PIECES = 1 << 20
/** @see MAX_PIECES */
export const MAX_PIECE_LENGTH = 1024

/** A vocabulary entry whose merges are ordered by score, highest first. */
export interface ScoredPiece {
  text: string
  /** fp32 in the files. */
  score: number
  /** Whether text may become this piece; control, unknown and byte pieces of SentencePiece may not. */
  reachable: boolean
}

/** One merge of a vocabulary, in the order of application. */
export interface Merge {
  left: string
  right: string
}

/**
 * Encodes text with pieces merged by best score, leftmost first among equal scores.
 *
 * The text is cut before every space run when no piece holds a space after another character: such parts never merge
 * with each other, and repeated ones come from a cache.
 */
export class PieceVocabulary {
  readonly ids = new Map<string, number>()
  private readonly symbols = new Map<string, number>()
  private readonly bytes = new Int32Array(256).fill(-1)
  private readonly table: PairTable
  private readonly merger: Merger
  private readonly cache = new WordCache()
  private readonly boundary?: string

  /**
   * @param space the character that stands for a space in the pieces
   * @param unknownId the id of a character that is neither a piece nor bytes; a run of them is one id
   * @param mergeOrphans whether characters that are no piece themselves still merge into pieces that hold them
   * @throws {FormatError} for a score that is NaN
   */
  constructor(
    readonly pieces: readonly ScoredPiece[],
    readonly unknownId: number,
    space: string,
    private readonly byteFallback: boolean,
    mergeOrphans: boolean,
    path?: string,
  ) {
    for (let id = 0; id < pieces.length; id++) {
      const { text, score, reachable } = pieces[id]
      if (Number.isNaN(score))
        throw new FormatError(`Expected a number for the score of piece ${id}, got NaN.`, { path })
      if (!this.ids.has(text)) this.ids.set(text, id)
      if (reachable && !this.symbols.has(text)) this.symbols.set(text, id)
      const byte = bytePiece(text)
      if (byte >= 0 && this.bytes[byte] < 0) this.bytes[byte] = id
    }
    const scores = [...new Set(pieces.map((piece) => piece.score))].sort((a, b) => b - a)
    const ranks = new Map(scores.map((score, rank) => [score, rank]))
    if (mergeOrphans) this.nameOrphans()
    const pairs: number[] = []
    for (const [text, id] of this.symbols) {
      if (id >= pieces.length) continue
      for (const at of cuts(text)) {
        const left = this.symbols.get(text.slice(0, at))
        const right = this.symbols.get(text.slice(at))
        if (left !== undefined && right !== undefined) pairs.push(left, right, id)
      }
    }
    this.table = new PairTable(pairs.length / 3)
    for (let i = 0; i < pairs.length; i += 3) {
      this.table.set(pairs[i], pairs[i + 1], ranks.get(pieces[pairs[i + 2]].score)!, pairs[i + 2])
    }
    this.merger = new Merger(this.table)
    const crossed = [...this.symbols.keys()].some((text) => crosses(text, space))
    if (!crossed && this.symbols.has(space)) this.boundary = space
  }

  /** Appends the ids of a text in which spaces are already written as the pieces write them. */
  append(text: string, out: number[]): void {
    const encode = (part: string) => this.encodePart(part)
    if (this.boundary === undefined) {
      for (const id of encode(text)) out.push(id)
      return
    }
    for (const part of chunks(text, this.boundary)) this.cache.append(part, out, encode)
  }

  /** Lists the merges of the vocabulary in the order a `tokenizer.json` states them. */
  merges(): Merge[] {
    const found: { left: number; right: number; rank: number; merged: number }[] = []
    this.table.visit((left, right, rank, merged) => found.push({ left, right, rank, merged }))
    found.sort((a, b) => a.rank - b.rank || a.merged - b.merged || a.left - b.left || a.right - b.right)
    return found
      .filter(({ left, right }) => left < this.pieces.length && right < this.pieces.length)
      .map(({ left, right }) => ({ left: this.pieces[left].text, right: this.pieces[right].text }))
  }

  /** Characters that occur only inside pieces get ids past the vocabulary, so that merges can still reach those pieces. */
  private nameOrphans(): void {
    let next = this.pieces.length
    for (const [text, id] of [...this.symbols]) {
      if (id >= this.pieces.length) continue
      for (const character of text) if (!this.symbols.has(character)) this.symbols.set(character, next++)
    }
  }

  private encodePart(text: string): number[] {
    const row = new Int32Array(text.length)
    // Characters outside the vocabulary are kept apart by negative symbols, which no merge knows.
    const unknown: string[] = []
    const orphans: string[] = []
    let count = 0
    for (const character of text) {
      const id = this.symbols.get(character)
      if (id === undefined) row[count++] = -2 - (unknown.push(character) - 1)
      else row[count++] = id
      if (id !== undefined && id >= this.pieces.length) orphans[id - this.pieces.length] = character
    }
    count = this.merger.merge(row, count)
    const ids: number[] = []
    let afterUnknown = false
    for (let i = 0; i < count; i++) {
      const id = row[i]
      const known = id >= 0 && id < this.pieces.length
      if (known) ids.push(id)
      else if (!this.spell(id < 0 ? unknown[-2 - id] : orphans[id - this.pieces.length], ids) && !afterUnknown) {
        ids.push(this.unknownId)
      }
      afterUnknown = !known
    }
    return ids
  }

  private spell(character: string, ids: number[]): boolean {
    if (!this.byteFallback) return false
    const bytes = Buffer.from(character)
    for (const byte of bytes) if (this.bytes[byte] < 0) return false
    for (const byte of bytes) ids.push(this.bytes[byte])
    return true
  }
}

/** Gives the offsets at which a text can be cut in two without splitting a character. */
export function* cuts(text: string): Generator<number> {
  for (let at = 1; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    const low = unit >= 0xdc00 && unit < 0xe000
    if (!low) yield at
  }
}
