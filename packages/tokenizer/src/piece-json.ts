import { LEADING_SPACES } from './json-decoder.js'
import type { PieceVocabulary } from './piece-vocabulary.js'
import type { TokenizerJson } from './tokenizer.js'

/** The rules around a piece vocabulary that a `tokenizer.json` has to express. */
export interface PieceRules {
  /** The character that stands for a space in the pieces. */
  space: string
  byteFallback: boolean
  addDummyPrefix: boolean
  removeExtraWhitespaces: boolean
  escapeWhitespaces: boolean
  hasCharacterMap: boolean
  bosId?: number
  eosId?: number
  /** Ids that text becomes before any merge. */
  frozen: readonly number[]
}

/**
 * Writes a piece vocabulary as the contents of a Hugging Face `tokenizer.json`.
 *
 * BOS and EOS are named by the post-processor and not listed as added tokens, so that a text spelling `<s>` stays text.
 *
 * @throws {TypeError} for a model with its own normalization map, which has no exact counterpart there
 */
export function pieceTokenizerJson(vocabulary: PieceVocabulary, rules: PieceRules): TokenizerJson {
  if (rules.hasCharacterMap) {
    throw new TypeError('Expected a model without precompiled_charsmap for tokenizer.json, got one with it.')
  }
  const vocab: Record<string, number> = Object.create(null)
  // A piece that repeats an earlier one keeps its id by a spelling that no merge makes.
  for (const [id, { text }] of vocabulary.pieces.entries()) vocab[text in vocab ? `${text}\0${id}` : text] = id
  const normalizers: object[] = []
  const replace = (pattern: object, content: string) => normalizers.push({ type: 'Replace', pattern, content })
  if (rules.removeExtraWhitespaces) {
    replace({ Regex: LEADING_SPACES }, '')
    // The lookbehind keeps a long run of spaces inside the text from being tried at each of its characters.
    replace({ Regex: `(?<![ ${rules.space}])[ ${rules.space}]+\\z` }, '')
    replace({ Regex: ' {2,}' }, ' ')
  }
  if (rules.addDummyPrefix) normalizers.push({ type: 'Prepend', prepend: rules.space })
  if (rules.escapeWhitespaces) replace({ String: ' ' }, rules.space)
  const decoders: object[] = [
    { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
  ]
  if (rules.space === ' ') decoders.shift()
  if (rules.removeExtraWhitespaces) decoders.push({ type: 'Replace', pattern: { Regex: LEADING_SPACES }, content: '' })
  else if (rules.addDummyPrefix) decoders.push({ type: 'Strip', content: ' ', start: 1, stop: 0 })
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: rules.frozen.map((id) => ({
      id,
      content: vocabulary.pieces[id].text,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: true,
      special: false,
    })),
    normalizer: normalizers.length > 0 ? { type: 'Sequence', normalizers } : null,
    pre_tokenizer: null,
    post_processor: template(vocabulary, rules),
    decoder: { type: 'Sequence', decoders },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: vocabulary.pieces[vocabulary.unknownId]?.text ?? null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: rules.byteFallback,
      ignore_merges: false,
      vocab,
      merges: vocabulary.merges().map(({ left, right }) => [left, right]),
    },
  }
}

/** A post-processor that names BOS and EOS and, asked for, puts BOS first. */
function template(vocabulary: PieceVocabulary, { bosId, eosId }: PieceRules): object | null {
  if (bosId === undefined) return null
  const special = (id: number) => ({ id: vocabulary.pieces[id].text, ids: [id], tokens: [vocabulary.pieces[id].text] })
  const names = [bosId, ...(eosId === undefined ? [] : [eosId])].map(special)
  const bos = { SpecialToken: { id: names[0].id, type_id: 0 } }
  const sequence = (id: 'A' | 'B', type_id: number) => ({ Sequence: { id, type_id } })
  return {
    type: 'TemplateProcessing',
    single: [bos, sequence('A', 0)],
    pair: [bos, sequence('A', 0), bos, sequence('B', 1)],
    special_tokens: Object.fromEntries(names.map((name) => [name.id, name])),
  }
}
