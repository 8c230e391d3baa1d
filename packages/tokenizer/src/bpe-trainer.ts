import { AddedTokenMatcher } from './added-tokens.js'
import { byteCharacters } from './byte-characters.js'
import { JsonFields, type JsonObject } from './json-fields.js'
import { JsonTokenizer } from './json-tokenizer.js'
import { byteLevelJson } from './load.js'
import { MAX_PIECES } from './piece-vocabulary.js'
import { buildPreTokenizer } from './pre-tokenizer.js'
import type { Tokenizer } from './tokenizer.js'
import { WordPairs } from './word-pairs.js'

/** What `trainBpe` makes. */
export interface TrainBpeOptions {
  /** Largest number of tokens: special tokens, 256 bytes, and merges while pairs repeat often enough. */
  vocabSize: number
  /** Tokens that text becomes only by spelling them; they get the first ids. @default ['<|endoftext|>'] */
  specialTokens?: readonly string[]
  /** Which special token begins a document. @default '<|endoftext|>' where it is a special token */
  bosToken?: string
  /** Which special token ends a document. @default '<|endoftext|>' where it is a special token */
  eosToken?: string
  /** Pairs seen less often are not merged. @default 2 */
  minFrequency?: number
}

/**
 * Trains a byte-level BPE vocabulary on texts.
 *
 * The most frequent pair merges first, among equals the one with the lower ids, so the result depends on the texts alone.
 * Memory grows with the number of different words, not with the amount of text.
 *
 * @throws {RangeError} when the texts are empty or `vocabSize` cannot hold the bytes and special tokens
 */
export async function trainBpe(
  texts: Iterable<string> | AsyncIterable<string>,
  options: TrainBpeOptions,
): Promise<Tokenizer> {
  const { vocabSize, specialTokens = ['<|endoftext|>'], minFrequency = 2 } = options
  const least = 256 + specialTokens.length
  if (!Number.isInteger(vocabSize) || vocabSize < least || vocabSize > MAX_PIECES) {
    throw new RangeError(`Expected an integer from ${least} to ${MAX_PIECES} for vocabSize, got ${vocabSize}.`)
  }
  if (!(minFrequency >= 1)) throw new RangeError(`Expected at least 1 for minFrequency, got ${minFrequency}.`)
  if (new Set(specialTokens).size < specialTokens.length || specialTokens.includes('')) {
    throw new RangeError(`Expected different texts for specialTokens, got ${JSON.stringify(specialTokens)}.`)
  }
  for (const name of [options.bosToken, options.eosToken]) {
    if (name !== undefined && !specialTokens.includes(name)) {
      throw new RangeError(`Expected one of specialTokens for bosToken and eosToken, got ${JSON.stringify(name)}.`)
    }
  }
  const words = await countWords(texts, specialTokens)
  if (words.size === 0) throw new RangeError('Expected text for texts, got none.')

  const vocab: JsonObject = Object.create(null)
  const tokens = [...specialTokens, ...byteCharacters]
  for (const [id, token] of tokens.entries()) {
    if (token in vocab)
      throw new RangeError(`Expected more than one character for a special token, got ${JSON.stringify(token)}.`)
    vocab[token] = id
  }
  const pairs = new WordPairs(words, specialTokens.length)
  const merges: [string, string][] = []
  while (tokens.length < vocabSize) {
    const best = pairs.next(minFrequency)
    if (!best) break
    const merged = tokens[best.left] + tokens[best.right]
    // Two ways to the same token would need two ids for one spelling.
    if (merged in vocab) continue
    vocab[merged] = tokens.length
    merges.push([tokens[best.left], tokens[best.right]])
    pairs.merge(best, tokens.length)
    tokens.push(merged)
  }
  const names = { bos: options.bosToken, eos: options.eosToken }
  return new JsonTokenizer(byteLevelJson(vocab, merges, specialTokens), names)
}

async function countWords(
  texts: Iterable<string> | AsyncIterable<string>,
  specialTokens: readonly string[],
): Promise<Map<string, number>> {
  const { split } = buildPreTokenizer({ type: 'ByteLevel', add_prefix_space: false }, new JsonFields())
  const flags = { special: true, normalized: false, singleWord: false, leftStrip: false, rightStrip: false }
  const matcher = new AddedTokenMatcher(specialTokens.map((content, id) => ({ id, content, ...flags })))
  const counts = new Map<string, number>()
  for await (const text of texts) {
    for (const section of matcher.split(text)) {
      if (section.id !== undefined) continue
      for (const word of split(section.text, true)) {
        const count = counts.get(word)
        // A slice of 13 or more characters would keep the whole text it was cut from alive.
        if (count === undefined)
          counts.set(word.length < 13 ? word : Buffer.from(word, 'utf16le').toString('utf16le'), 1)
        else counts.set(word, count + 1)
      }
    }
  }
  return counts
}
