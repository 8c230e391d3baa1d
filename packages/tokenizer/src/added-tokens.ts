import type { JsonFields } from './json-fields.js'
import { MAX_PIECES } from './piece-vocabulary.js'

/** A token that text becomes by spelling it, before any merge. */
export interface AddedToken {
  id: number
  content: string
  special: boolean
  normalized: boolean
  singleWord: boolean
  leftStrip: boolean
  rightStrip: boolean
}

/** Reads the `added_tokens` of a `tokenizer.json`. @throws {FormatError} when one is malformed */
export function readAddedTokens(value: unknown, fields: JsonFields): AddedToken[] {
  return fields.array(value ?? [], 'added_tokens').map((item, i) => {
    const spec = fields.object(item, `added_tokens[${i}]`)
    const content = fields.string(spec.content, `added_tokens[${i}].content`)
    if (content === '') throw fields.expected('a text that is not empty', `added_tokens[${i}].content`, content)
    return {
      id: fields.index(spec.id, `added_tokens[${i}].id`, MAX_PIECES),
      content,
      special: fields.flag(spec.special, 'special', false),
      normalized: fields.flag(spec.normalized, 'normalized', false),
      singleWord: fields.flag(spec.single_word, 'single_word', false),
      leftStrip: fields.flag(spec.lstrip, 'lstrip', false),
      rightStrip: fields.flag(spec.rstrip, 'rstrip', false),
    }
  })
}

/** A stretch of text, or an added token where `id` is given. */
export interface Section {
  text: string
  id?: number
}

/** Finds added tokens in text: leftmost first, the longest of those that start there. */
export class AddedTokenMatcher {
  private readonly byContent: Map<string, AddedToken>
  private readonly pattern?: RegExp

  constructor(tokens: readonly AddedToken[]) {
    this.byContent = new Map(tokens.map((token) => [token.content, token]))
    if (tokens.length === 0) return
    const contents = [...this.byContent.keys()].sort((a, b) => b.length - a.length)
    this.pattern = new RegExp(contents.map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|'), 'gu')
  }

  /** Cuts a text at the added tokens it spells; sections of plain text are never empty. */
  split(text: string): Section[] {
    if (!this.pattern) return text === '' ? [] : [{ text }]
    const sections: Section[] = []
    let at = 0
    for (const found of text.matchAll(this.pattern)) {
      const token = this.byContent.get(found[0])!
      let start = found.index
      let end = start + found[0].length
      if (start < at || (token.singleWord && (wordAt(text, start - 1) || wordAt(text, end)))) continue
      if (token.leftStrip) while (start > at && isSpace(text[start - 1])) start--
      if (token.rightStrip) while (end < text.length && isSpace(text[end])) end++
      if (start > at) sections.push({ text: text.slice(at, start) })
      sections.push({ text: text.slice(start, end), id: token.id })
      at = end
    }
    if (at < text.length) sections.push({ text: text.slice(at) })
    return sections
  }
}

function isSpace(character: string): boolean {
  return /\p{White_Space}/u.test(character)
}

function wordAt(text: string, at: number): boolean {
  return at >= 0 && at < text.length && /[\p{L}\p{M}\p{N}\p{Pc}]/u.test(text[at])
}
