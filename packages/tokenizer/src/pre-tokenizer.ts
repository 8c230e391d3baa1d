import type { JsonFields } from './json-fields.js'
import { buildPattern } from './normalizer.js'

/** Cuts a text into words that never merge with each other; `first` says whether it starts the whole text. */
export type PreTokenizer = (text: string, first: boolean) => string[]

const GPT2 =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu

/** A pre-tokenizer and whether its words are spelled as bytes. */
export interface BuiltPreTokenizer {
  split: PreTokenizer
  byteLevel: boolean
}

/**
 * Builds the pre-tokenizer of a `tokenizer.json`; `null` keeps the text whole.
 *
 * @throws {FormatError} for a type that is not supported or a malformed one
 */
export function buildPreTokenizer(value: unknown, fields: JsonFields, depth = 0): BuiltPreTokenizer {
  if (value === null || value === undefined) return { split: (text) => [text], byteLevel: false }
  const spec = fields.object(value, 'pre_tokenizer')
  switch (spec.type) {
    case 'Sequence': {
      if (depth > 8) throw fields.expected('at most 8 nested sequences', 'pre_tokenizer', 'more')
      const parts = fields
        .array(spec.pretokenizers, 'pretokenizers')
        .map((part) => buildPreTokenizer(part, fields, depth + 1))
      const split: PreTokenizer = (text, first) =>
        parts.reduce((words, part) => words.flatMap((word, i) => part.split(word, first && i === 0)), [text])
      const single = parts.length === 1 ? parts[0].split : undefined
      return { split: single ?? split, byteLevel: parts.some((part) => part.byteLevel) }
    }
    case 'ByteLevel': {
      const prefix = fields.flag(spec.add_prefix_space, 'add_prefix_space', true)
      const cut = fields.flag(spec.use_regex, 'use_regex', true)
      const split: PreTokenizer = (text) => {
        const prefixed = prefix && !text.startsWith(' ') ? ` ${text}` : text
        return cut ? (prefixed.match(GPT2) ?? []) : [prefixed]
      }
      return { split, byteLevel: true }
    }
    case 'Split': {
      const pattern = buildPattern(spec.pattern, fields)
      const behavior = fields.string(spec.behavior, 'behavior')
      if (!BEHAVIORS.has(behavior)) throw fields.expected([...BEHAVIORS].join(', '), 'behavior', behavior)
      const invert = fields.flag(spec.invert, 'invert', false)
      return { split: (text) => splitBy(text, pattern, behavior, invert), byteLevel: false }
    }
    case 'Digits': {
      const pattern = fields.flag(spec.individual_digits, 'individual_digits', false) ? /\p{N}/gu : /\p{N}+/gu
      return { split: (text) => splitBy(text, pattern, 'Isolated', false), byteLevel: false }
    }
    case 'WhitespaceSplit':
      return { split: (text) => splitBy(text, /\p{White_Space}+/gu, 'Removed', false), byteLevel: false }
    case 'Metaspace':
      return { split: metaspace(spec, fields), byteLevel: false }
    default:
      throw fields.expected('a supported pre-tokenizer', 'pre_tokenizer.type', spec.type)
  }
}

const BEHAVIORS = new Set(['Isolated', 'Removed', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'])

function metaspace(spec: Record<string, unknown>, fields: JsonFields): PreTokenizer {
  const space = spec.replacement === undefined ? '\u2581' : fields.string(spec.replacement, 'replacement')
  const scheme =
    spec.prepend_scheme ?? (fields.flag(spec.add_prefix_space, 'add_prefix_space', true) ? 'always' : 'never')
  const cut = fields.flag(spec.split, 'split', true)
  return (text, first) => {
    let replaced = text.replaceAll(' ', space)
    if ((scheme === 'always' || (scheme === 'first' && first)) && !replaced.startsWith(space))
      replaced = space + replaced
    return cut ? splitBy(replaced, space, 'MergedWithNext', false) : [replaced]
  }
}

function splitBy(text: string, pattern: string | RegExp, behavior: string, invert: boolean): string[] {
  if (behavior === 'Isolated' && !invert && typeof pattern !== 'string') return isolated(text, pattern)
  const parts = [...segments(text, pattern)].map((part) => ({ text: part.text, match: part.match !== invert }))
  const words: string[] = []
  let previous: boolean | undefined
  let pending = ''
  for (const { text: part, match } of parts) {
    const last = words.length - 1
    if (behavior === 'MergedWithNext') {
      if (match) {
        if (pending) words.push(pending)
        pending = part
        continue
      }
      words.push(pending + part)
      pending = ''
    } else if (behavior === 'MergedWithPrevious' && match && previous === false) words[last] += part
    else if (behavior === 'Contiguous' && match && previous === true) words[last] += part
    else if (!(behavior === 'Removed' && match)) words.push(part)
    previous = match
  }
  if (pending) words.push(pending)
  return words
}

/** The common case: every match and everything between matches is a word. */
function isolated(text: string, pattern: RegExp): string[] {
  const words: string[] = []
  let at = 0
  pattern.lastIndex = 0
  for (let found = pattern.exec(text); found; found = pattern.exec(text)) {
    if (found[0] === '') pattern.lastIndex++
    else {
      if (found.index > at) words.push(text.slice(at, found.index))
      words.push(found[0])
      at = pattern.lastIndex
    }
  }
  if (at < text.length) words.push(text.slice(at))
  return words
}

function* segments(text: string, pattern: string | RegExp): Generator<{ text: string; match: boolean }> {
  let at = 0
  const spans =
    typeof pattern === 'string'
      ? occurrences(text, pattern)
      : [...text.matchAll(pattern)].map((m) => [m.index, m[0].length])
  for (const [start, length] of spans) {
    if (length === 0) continue
    if (start > at) yield { text: text.slice(at, start), match: false }
    yield { text: text.slice(start, start + length), match: true }
    at = start + length
  }
  if (at < text.length) yield { text: text.slice(at), match: false }
}

function* occurrences(text: string, part: string): Generator<[number, number]> {
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) yield [at, part.length]
}
