import { bytePiece } from './byte-characters.js'
import { pieceTokenizerJson } from './piece-json.js'
import { PieceVocabulary } from './piece-vocabulary.js'
import { BaseTokenizer, type LeadingSpace, type TokenizerJson } from './tokenizer.js'
import { type BinPiece, writeTokenizerBin } from './tokenizer-bin.js'
import { wellFormed } from './utf8.js'

const EMPTY = new Uint8Array(0)

/**
 * A tokenizer with the vocabulary and rules of a llama2.c `tokenizer.bin`: every text gets a space before it, unknown
 * characters become bytes, and BOS and EOS are ids 1 and 2.
 */
export class Llama2cTokenizer extends BaseTokenizer {
  readonly kind = 'llama2c-bpe'
  readonly vocabSize: number
  readonly bosId?: number
  readonly eosId?: number
  protected readonly leadingSpace: LeadingSpace = 'drop-one'
  private readonly vocabulary: PieceVocabulary

  /** @param path the file of the pieces, for errors */
  constructor(
    private readonly pieces: readonly BinPiece[],
    path?: string,
  ) {
    super()
    this.vocabSize = pieces.length
    this.bosId = pieces.length > 1 ? 1 : undefined
    this.eosId = pieces.length > 2 ? 2 : undefined
    const scored = pieces.map(({ text, score }) => ({ text, score, reachable: text !== '' }))
    this.vocabulary = new PieceVocabulary(scored, 0, ' ', true, false, path)
  }

  tokenToId(token: string): number | undefined {
    return this.vocabulary.ids.get(token)
  }

  idToToken(id: number): string | undefined {
    return this.pieces[id]?.text
  }

  toJSON(): TokenizerJson {
    return pieceTokenizerJson(this.vocabulary, {
      space: ' ',
      byteFallback: true,
      addDummyPrefix: true,
      removeExtraWhitespaces: false,
      escapeWhitespaces: false,
      hasCharacterMap: false,
      bosId: this.bosId,
      eosId: this.eosId,
      frozen: [],
    })
  }

  toTokenizerBin(): Uint8Array {
    return writeTokenizerBin(this.pieces)
  }

  protected append(text: string, out: number[]): void {
    if (text !== '') this.vocabulary.append(` ${wellFormed(text)}`, out)
  }

  protected tokenBytes(id: number): Uint8Array {
    if (id === this.bosId || id === this.eosId) return EMPTY
    const { text } = this.pieces[id]
    return bytePiece(text) >= 0 ? Uint8Array.of(bytePiece(text)) : Buffer.from(text)
  }

  protected override hasSpace(id: number): boolean {
    return this.pieces[id].text.startsWith(' ')
  }
}
