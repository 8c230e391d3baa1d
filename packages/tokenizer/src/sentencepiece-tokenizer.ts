import { bytePiece } from './byte-characters.js'
import { pieceTokenizerJson } from './piece-json.js'
import { PieceVocabulary } from './piece-vocabulary.js'
import type { SentencePieceModel } from './sentencepiece-model.js'
import { BaseTokenizer, type LeadingSpace, type TokenizerJson } from './tokenizer.js'
import { exportedPiece, writeTokenizerBin } from './tokenizer-bin.js'
import { wellFormed } from './utf8.js'

const SPACE = '\u2581'

/** A tokenizer with the vocabulary and rules of a SentencePiece BPE `tokenizer.model`. */
export class SentencePieceTokenizer extends BaseTokenizer {
  readonly kind = 'sentencepiece-bpe'
  readonly vocabSize: number
  readonly bosId?: number
  readonly eosId?: number
  protected readonly leadingSpace: LeadingSpace
  private readonly vocabulary: PieceVocabulary
  private readonly userDefined?: RegExp

  /** @param path the file of the model, for errors */
  constructor(
    private readonly model: SentencePieceModel,
    path?: string,
  ) {
    super()
    const pieces = model.pieces.map(({ text, score, type }) => ({
      text,
      score,
      reachable: type === 'normal' || type === 'user-defined',
    }))
    this.vocabSize = pieces.length
    this.vocabulary = new PieceVocabulary(pieces, model.unknownId, SPACE, model.byteFallback, true, path)
    this.bosId = this.controlId(model.bosPiece)
    this.eosId = this.controlId(model.eosPiece)
    this.leadingSpace = model.removeExtraWhitespaces ? 'drop-all' : model.addDummyPrefix ? 'drop-one' : 'keep'
    const symbols = model.pieces.filter((piece) => piece.type === 'user-defined').map((piece) => piece.text)
    if (symbols.length > 0) {
      symbols.sort((a, b) => b.length - a.length)
      this.userDefined = new RegExp(
        `(${symbols.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|')})`,
      )
    }
  }

  tokenToId(token: string): number | undefined {
    return this.vocabulary.ids.get(token)
  }

  idToToken(id: number): string | undefined {
    return this.model.pieces[id]?.text
  }

  toJSON(): TokenizerJson {
    return pieceTokenizerJson(this.vocabulary, {
      space: SPACE,
      byteFallback: this.model.byteFallback,
      addDummyPrefix: this.model.addDummyPrefix,
      removeExtraWhitespaces: this.model.removeExtraWhitespaces,
      escapeWhitespaces: this.model.escapeWhitespaces,
      hasCharacterMap: this.model.characterMap !== undefined,
      bosId: this.bosId,
      eosId: this.eosId,
      frozen: this.model.pieces.flatMap((piece, id) => (piece.type === 'user-defined' ? [id] : [])),
    })
  }

  toTokenizerBin(): Uint8Array {
    const pieces = this.model.pieces.map(({ text, score }, id) => ({
      text: exportedPiece(text, id, this.bosId, this.eosId),
      score,
    }))
    return writeTokenizerBin(pieces)
  }

  protected append(text: string, out: number[]): void {
    const normalized = this.normalize(wellFormed(text))
    if (!this.userDefined) this.vocabulary.append(normalized, out)
    else {
      // Splitting by a group puts the user-defined symbols at the odd places.
      for (const [i, part] of normalized.split(this.userDefined).entries()) {
        if (i % 2 === 1) out.push(this.vocabulary.ids.get(part)!)
        else this.vocabulary.append(part, out)
      }
    }
  }

  protected tokenBytes(id: number): Uint8Array {
    const { text, type } = this.model.pieces[id]
    if (type === 'control') return new Uint8Array(0)
    if (type === 'unknown') return Buffer.from(this.model.unknownSurface)
    if (type === 'byte' && bytePiece(text) >= 0) return Uint8Array.of(bytePiece(text))
    return Buffer.from(text.replaceAll(SPACE, ' '))
  }

  protected override hasSpace(id: number): boolean {
    return this.model.pieces[id].text.startsWith(SPACE)
  }

  private normalize(text: string): string {
    const { addDummyPrefix, removeExtraWhitespaces, escapeWhitespaces, characterMap } = this.model
    let result = text
    if (characterMap) {
      const parts = this.userDefined ? text.split(this.userDefined) : [text]
      result = parts.map((part, i) => (i % 2 === 1 ? part : characterMap.apply(part))).join('')
    }
    if (removeExtraWhitespaces) result = trimStart(result).replace(/ {2,}/g, ' ')
    if (result === '') return ''
    const space = escapeWhitespaces ? SPACE : ' '
    if (escapeWhitespaces) result = result.replaceAll(' ', SPACE)
    if (addDummyPrefix) result = space + result
    return removeExtraWhitespaces ? trimEnd(result, space) : result
  }

  private controlId(piece: string): number | undefined {
    const id = this.vocabulary.ids.get(piece)
    return id !== undefined && this.model.pieces[id].type === 'control' ? id : undefined
  }
}

function trimStart(text: string): string {
  let from = 0
  while (text[from] === ' ') from++
  return text.slice(from)
}

function trimEnd(text: string, space: string): string {
  let to = text.length
  while (to > 0 && text[to - 1] === space) to--
  return text.slice(0, to)
}
