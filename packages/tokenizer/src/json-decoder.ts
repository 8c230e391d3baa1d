import type { JsonFields } from './json-fields.js'
import { buildPattern } from './normalizer.js'
import type { LeadingSpace } from './tokenizer.js'

/** The expression that, after the tokens are joined, drops every space at the start. */
export const LEADING_SPACES = '\\A +'

/** How the tokens of a `tokenizer.json` become text. */
export interface TextDecoding {
  byteLevel: boolean
  byteFallback: boolean
  leadingSpace: LeadingSpace
  /** Applies the replacements to one token. */
  replace(token: string): string
}

/**
 * Reads the `decoder` of a `tokenizer.json`.
 *
 * @throws {FormatError} for a type that is not supported or a malformed one
 */
export function readDecoder(value: unknown, fields: JsonFields): TextDecoding {
  const decoding: TextDecoding = {
    byteLevel: false,
    byteFallback: false,
    leadingSpace: 'keep',
    replace: (token) => token,
  }
  collect(value, decoding, fields, 0)
  return decoding
}

function collect(value: unknown, decoding: TextDecoding, fields: JsonFields, depth: number): void {
  if (value === null || value === undefined) return
  const spec = fields.object(value, 'decoder')
  const before = decoding.replace
  switch (spec.type) {
    case 'Sequence':
      if (depth > 8) throw fields.expected('at most 8 nested sequences', 'decoder', 'more')
      for (const step of fields.array(spec.decoders, 'decoders')) collect(step, decoding, fields, depth + 1)
      return
    case 'ByteLevel':
      decoding.byteLevel = true
      return
    case 'ByteFallback':
      decoding.byteFallback = true
      return
    case 'Fuse':
      return
    case 'Replace': {
      if ((spec.pattern as { Regex?: unknown } | null)?.Regex === LEADING_SPACES && spec.content === '') {
        decoding.leadingSpace = 'drop-all'
        return
      }
      const pattern = buildPattern(spec.pattern, fields)
      const content = fields.string(spec.content, 'content')
      decoding.replace = (token) => before(token).replaceAll(pattern, () => content)
      return
    }
    case 'Metaspace': {
      const space = spec.replacement === undefined ? '\u2581' : fields.string(spec.replacement, 'replacement')
      decoding.replace = (token) => before(token).replaceAll(space, ' ')
      const prepends = spec.prepend_scheme !== 'never' && fields.flag(spec.add_prefix_space, 'add_prefix_space', true)
      if (prepends) decoding.leadingSpace = 'drop-one'
      return
    }
    case 'Strip': {
      const start = fields.index(spec.start ?? 0, 'start', 2)
      if (spec.content !== ' ') throw fields.expected('a space', 'decoder.content', spec.content)
      if (fields.index(spec.stop ?? 0, 'stop', 1) === 0 && start === 1) decoding.leadingSpace = 'drop-one'
      return
    }
    default:
      throw fields.expected('a supported decoder', 'decoder.type', spec.type)
  }
}
