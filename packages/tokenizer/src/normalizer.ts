import { CharacterMap } from './character-map.js'
import type { JsonFields } from './json-fields.js'
import { translatePattern } from './regex-translation.js'

/** Rewrites a text before it is cut into words. */
export type Normalizer = (text: string) => string

/**
 * Builds the normalizer of a `tokenizer.json`; `null` leaves the text alone.
 *
 * @throws {FormatError} for a type that is not supported or a malformed one
 */
export function buildNormalizer(value: unknown, fields: JsonFields, depth = 0): Normalizer {
  if (value === null || value === undefined) return (text) => text
  const spec = fields.object(value, 'normalizer')
  switch (spec.type) {
    case 'Sequence': {
      if (depth > 8) throw fields.expected('at most 8 nested sequences', 'normalizer', 'more')
      const steps = fields
        .array(spec.normalizers, 'normalizers')
        .map((step) => buildNormalizer(step, fields, depth + 1))
      return (text) => steps.reduce((result, step) => step(result), text)
    }
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD': {
      const form = spec.type
      return (text) => text.normalize(form)
    }
    case 'Lowercase':
      return (text) => text.toLowerCase()
    case 'Prepend': {
      const prefix = fields.string(spec.prepend, 'prepend')
      return (text) => (text === '' ? '' : prefix + text)
    }
    case 'Replace': {
      const pattern = buildPattern(spec.pattern, fields)
      const content = fields.string(spec.content, 'content')
      return (text) =>
        typeof pattern === 'string' ? text.replaceAll(pattern, () => content) : text.replace(pattern, () => content)
    }
    case 'Strip': {
      const left = fields.flag(spec.strip_left, 'strip_left', true)
      const right = fields.flag(spec.strip_right, 'strip_right', true)
      return (text) => strip(text, left, right)
    }
    case 'Precompiled': {
      const map = new CharacterMap(
        Buffer.from(fields.string(spec.precompiled_charsmap, 'precompiled_charsmap'), 'base64'),
      )
      return (text) => map.apply(text)
    }
    default:
      throw fields.expected('a supported normalizer', 'normalizer.type', spec.type)
  }
}

/** Reads `{String}` or `{Regex}`. @throws {FormatError} when it is neither or the expression cannot be translated */
export function buildPattern(value: unknown, fields: JsonFields): string | RegExp {
  const spec = typeof value === 'string' ? { String: value } : fields.object(value, 'pattern')
  if (spec.String !== undefined) {
    const text = fields.string(spec.String, 'pattern.String')
    if (text === '') throw fields.expected('a text that is not empty', 'pattern.String', text)
    return text
  }
  const source = fields.string(spec.Regex, 'pattern.Regex')
  try {
    return translatePattern(source)
  } catch (cause) {
    throw fields.error(
      `Expected a supported expression for pattern.Regex, got ${source}. ${(cause as Error).message}`,
      cause,
    )
  }
}

function strip(text: string, left: boolean, right: boolean): string {
  const space = /\p{White_Space}/u
  let from = 0
  let to = text.length
  while (left && from < to && space.test(text[from])) from++
  while (right && to > from && space.test(text[to - 1])) to--
  return text.slice(from, to)
}
