import { CharacterMap } from './character-map.js'
import { FormatError, shown } from './format-error.js'
import { MAX_PIECE_LENGTH, MAX_PIECES } from './piece-vocabulary.js'
import { protobufFields } from './protobuf.js'

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const PIECE_TYPES = ['normal', 'unknown', 'control', 'user-defined', 'unused', 'byte'] as const

/** One piece of a SentencePiece model. */
export interface ModelPiece {
  text: string
  score: number
  type: (typeof PIECE_TYPES)[number]
}

/** What of a SentencePiece `tokenizer.model` decides about encoding and decoding. */
export interface SentencePieceModel {
  pieces: ModelPiece[]
  unknownId: number
  bosPiece: string
  eosPiece: string
  /** What an unknown piece decodes to. */
  unknownSurface: string
  byteFallback: boolean
  addDummyPrefix: boolean
  removeExtraWhitespaces: boolean
  escapeWhitespaces: boolean
  characterMap?: CharacterMap
}

/**
 * Reads a SentencePiece BPE model.
 *
 * @throws {FormatError} when it is malformed, has no unknown piece, repeats a piece, or is not a BPE model
 */
export function readSentencePieceModel(bytes: Uint8Array, path?: string): SentencePieceModel {
  const model: SentencePieceModel = {
    pieces: [],
    unknownId: -1,
    bosPiece: '<s>',
    eosPiece: '</s>',
    unknownSurface: ' \u2047 ',
    byteFallback: false,
    addDummyPrefix: true,
    removeExtraWhitespaces: true,
    escapeWhitespaces: true,
  }
  let modelType = 1
  for (const { number, value, offset } of protobufFields(bytes, path)) {
    if (number === 1) model.pieces.push(readPiece(bytesOf(value, 'pieces', path, offset), path, offset))
    else if (number === 2) modelType = readTrainer(bytesOf(value, 'trainer_spec', path, offset), model, path, offset)
    else if (number === 3) readNormalizer(bytesOf(value, 'normalizer_spec', path, offset), model, path, offset)
    if (model.pieces.length > MAX_PIECES) {
      throw new FormatError(`Expected at most ${MAX_PIECES} pieces, got more.`, { path, offset })
    }
  }
  if (model.pieces.length === 0)
    throw new FormatError('Expected pieces in a SentencePiece model, got none.', { path, offset: 0 })
  if (modelType !== 2) throw new FormatError(`Expected 2 (BPE) for model_type, got ${modelType}.`, { path })
  checkPieces(model, path)
  return model
}

function checkPieces(model: SentencePieceModel, path?: string): void {
  const seen = new Set<string>()
  for (const [id, { text, type }] of model.pieces.entries()) {
    if (seen.has(text))
      throw new FormatError(`Expected different pieces, got ${shown(text)} again as piece ${id}.`, { path })
    seen.add(text)
    if (type === 'unknown') {
      if (model.unknownId >= 0)
        throw new FormatError(`Expected one unknown piece, got another as piece ${id}.`, { path })
      model.unknownId = id
    }
    if (type === 'unused') throw new FormatError(`Expected a model without UNUSED pieces, got piece ${id}.`, { path })
  }
  if (model.unknownId < 0) throw new FormatError('Expected an unknown piece, got none.', { path })
}

function readPiece(bytes: Uint8Array, path: string | undefined, base: number): ModelPiece {
  const piece: ModelPiece = { text: '', score: 0, type: 'normal' }
  for (const { number, value, offset } of protobufFields(bytes, path, base)) {
    if (number === 1) piece.text = textOf(value, 'piece', path, offset)
    else if (number === 2) piece.score = numberOf(value, 'score', path, offset)
    else if (number === 3) {
      const type = PIECE_TYPES[numberOf(value, 'type', path, offset) - 1]
      if (type === undefined) throw new FormatError(`Expected 1 to 6 for type, got ${value}.`, { path, offset })
      piece.type = type
    }
  }
  if (piece.text === '' || piece.text.length > MAX_PIECE_LENGTH) {
    const message = `Expected 1 to ${MAX_PIECE_LENGTH} characters for piece, got ${piece.text.length}.`
    throw new FormatError(message, { path, offset: base })
  }
  return piece
}

function readTrainer(bytes: Uint8Array, model: SentencePieceModel, path: string | undefined, base: number): number {
  let modelType = 1
  for (const { number, value, offset } of protobufFields(bytes, path, base)) {
    if (number === 3) modelType = numberOf(value, 'model_type', path, offset)
    else if (number === 24 && value !== 0) {
      throw new FormatError('Expected false for treat_whitespace_as_suffix, got true.', { path, offset })
    } else if (number === 35) model.byteFallback = value !== 0
    else if (number === 44) model.unknownSurface = textOf(value, 'unk_surface', path, offset)
    else if (number === 46) model.bosPiece = textOf(value, 'bos_piece', path, offset)
    else if (number === 47) model.eosPiece = textOf(value, 'eos_piece', path, offset)
  }
  return modelType
}

function readNormalizer(bytes: Uint8Array, model: SentencePieceModel, path: string | undefined, base: number): void {
  for (const { number, value, offset } of protobufFields(bytes, path, base)) {
    if (number === 2) {
      const map = bytesOf(value, 'precompiled_charsmap', path, offset)
      if (map.length > 0) model.characterMap = new CharacterMap(map, path, offset)
    } else if (number === 3) model.addDummyPrefix = value !== 0
    else if (number === 4) model.removeExtraWhitespaces = value !== 0
    else if (number === 5) model.escapeWhitespaces = value !== 0
  }
}

function numberOf(value: number | Uint8Array, name: string, path: string | undefined, offset: number): number {
  if (typeof value === 'number') return value
  throw new FormatError(`Expected a number for ${name}, got bytes.`, { path, offset })
}

function bytesOf(value: number | Uint8Array, name: string, path: string | undefined, offset: number): Uint8Array {
  if (typeof value !== 'number') return value
  throw new FormatError(`Expected bytes for ${name}, got a number.`, { path, offset })
}

function textOf(value: number | Uint8Array, name: string, path: string | undefined, offset: number): string {
  try {
    return strict.decode(bytesOf(value, name, path, offset))
  } catch (cause) {
    if (cause instanceof FormatError) throw cause
    throw new FormatError(`Expected UTF-8 for ${name}, got other bytes.`, { path, offset, cause })
  }
}
