import { existsSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { FormatError } from './format-error.js'
import { JsonFields, type JsonObject } from './json-fields.js'
import { parseJson } from './json-location.js'
import { JsonTokenizer, type SpecialNames } from './json-tokenizer.js'
import { Llama2cTokenizer } from './llama2c-tokenizer.js'
import { readSentencePieceModel } from './sentencepiece-model.js'
import { SentencePieceTokenizer } from './sentencepiece-tokenizer.js'
import type { Tokenizer } from './tokenizer.js'
import { readTokenizerBin } from './tokenizer-bin.js'
import { malformedAt } from './utf8.js'

/** Larger files are refused; the largest real vocabulary file is about 35 MB. */
const MAX_BYTES = 256 * 1024 * 1024
const FILES = ['tokenizer.json', 'tokenizer.model', 'tokenizer.bin', 'vocab.json'] as const

/**
 * Loads a tokenizer from a file of any known kind or from a folder that holds one.
 *
 * The kinds are `tokenizer.json`, a SentencePiece BPE `*.model`, a llama2.c `*.bin`, and `vocab.json` with `merges.txt`
 * beside it; in a folder the first of these counts. `tokenizer_config.json` beside a JSON file names BOS and EOS.
 *
 * @throws {FormatError} when there is no tokenizer, or it is malformed
 */
export function loadTokenizer(location: string): Tokenizer {
  let file = location
  if (!existsSync(location)) throw new FormatError('Expected a tokenizer, got no file or folder.', { path: location })
  if (statSync(location).isDirectory()) {
    const name = FILES.find((candidate) => existsSync(path.join(location, candidate)))
    if (!name) throw new FormatError(`Expected one of ${FILES.join(', ')} in the folder, got none.`, { path: location })
    file = path.join(location, name)
  }
  const { size } = statSync(file)
  if (size > MAX_BYTES) throw new FormatError(`Expected at most ${MAX_BYTES} bytes, got ${size}.`, { path: file })
  const name = path.basename(file)
  if (name === 'merges.txt' || name === 'vocab.json') return loadVocabAndMerges(path.dirname(file))
  const bytes = readFileSync(file)
  const first = bytes.subarray(0, 64).toString('latin1').trimStart()[0]
  if (name.endsWith('.json') || (first === '{' && !/\.(model|bin)$/.test(name))) {
    const json = new JsonFields(file).object(parseText(bytes, file), 'tokenizer.json')
    return new JsonTokenizer(json, specialNames(path.dirname(file)), file)
  }
  if (name.endsWith('.bin')) return new Llama2cTokenizer(readTokenizerBin(bytes, file), file)
  if (name.endsWith('.model')) return new SentencePieceTokenizer(readSentencePieceModel(bytes, file), file)
  throw new FormatError('Expected a name ending in .json, .model or .bin, got another.', { path: file })
}

/** Builds a tokenizer from the contents of a `tokenizer.json`. @throws {FormatError} when they are malformed */
export function tokenizerFromJson(json: object, names: SpecialNames = {}): Tokenizer {
  return new JsonTokenizer(json as JsonObject, names)
}

function loadVocabAndMerges(folder: string): Tokenizer {
  const vocabPath = path.join(folder, 'vocab.json')
  const mergesPath = path.join(folder, 'merges.txt')
  for (const file of [vocabPath, mergesPath]) {
    if (!existsSync(file))
      throw new FormatError('Expected vocab.json and merges.txt together, got one.', { path: file })
  }
  const vocab = new JsonFields(vocabPath).object(parseText(readFileSync(vocabPath), vocabPath), 'vocab.json')
  const lines = checkedText(readFileSync(mergesPath), mergesPath).split('\n')
  const merges: string[] = []
  for (const [i, raw] of lines.entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    if (line === '' || (i === 0 && line.startsWith('#version'))) continue
    const parts = line.split(' ')
    if (parts.length !== 2 || !parts.every((part) => part in vocab) || !(parts.join('') in vocab)) {
      throw new FormatError('Expected two tokens of vocab.json, got another line.', {
        path: mergesPath,
        line: i + 1,
        column: 1,
      })
    }
    merges.push(line)
  }
  const json = byteLevelJson(vocab, merges, '<|endoftext|>' in vocab ? ['<|endoftext|>'] : [])
  return new JsonTokenizer(json, specialNames(folder), vocabPath)
}

/**
 * Writes a byte-level vocabulary as the contents of a `tokenizer.json` that cuts words as GPT-2 does.
 *
 * @param special tokens of the vocabulary that text becomes by spelling them
 */
export function byteLevelJson(vocab: JsonObject, merges: readonly unknown[], special: readonly string[]): JsonObject {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content) => ({
      id: vocab[content],
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: { ...byteLevel },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges,
    },
  }
}

function specialNames(folder: string): SpecialNames {
  const file = path.join(folder, 'tokenizer_config.json')
  if (!existsSync(file)) return {}
  const config = new JsonFields(file).object(parseText(readFileSync(file), file), 'tokenizer_config.json')
  const name = (value: unknown): string | null | undefined => {
    if (value === undefined || value === null || typeof value === 'string') return value
    const content = (value as JsonObject).content
    return typeof content === 'string' ? content : undefined
  }
  return { bos: name(config.bos_token), eos: name(config.eos_token) }
}

function parseText(bytes: Uint8Array, file: string): unknown {
  return parseJson(checkedText(bytes, file), file)
}

function checkedText(bytes: Uint8Array, file: string): string {
  const offset = malformedAt(bytes)
  if (offset >= 0) throw new FormatError('Expected UTF-8, got another byte.', { path: file, offset })
  return new TextDecoder().decode(bytes)
}
