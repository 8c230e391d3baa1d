import { FormatError } from './format-error.js'

const TOKEN = /[ \t\r\n]+|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\],:]/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y

/**
 * Parses JSON and says where it breaks.
 *
 * @param line number of the text's first line in its file
 * @throws {FormatError} with line and column of the first part that cannot continue a JSON text
 */
export function parseJson(text: string, path?: string, line = 1): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const at = brokenAt(text)
    const before = text.slice(0, at)
    const breaks = before.split('\n').length - 1
    const column = at - (before.lastIndexOf('\n') + 1) + 1
    const got = at >= text.length ? 'the end' : JSON.stringify([...text.slice(at, at + 2)][0])
    throw new FormatError(`Expected JSON, got ${got}.`, { path, line: line + breaks, column, cause })
  }
}

/** Walks the tokens of a JSON text and gives the offset of the first one out of place. */
function brokenAt(text: string): number {
  const open: ('{' | '[')[] = []
  // What may come next: a value, a key, a colon, or what follows a value.
  let state: 'value' | 'first' | 'key' | 'colon' | 'after' = 'value'
  let at = 0
  while (at < text.length) {
    const kind = text[at]
    TOKEN.lastIndex = at
    const end = kind === '"' ? stringEnd(text, at) : TOKEN.test(text) ? TOKEN.lastIndex : -1 - at
    if (end < 0) return -1 - end
    const inObject = open[open.length - 1] === '{'
    if (!/[ \t\r\n]/.test(kind)) {
      if (kind === '}' || kind === ']') {
        if (open.length === 0 || inObject !== (kind === '}') || !(state === 'after' || state === 'first')) return at
        open.pop()
        state = 'after'
      } else if (state === 'after') {
        if (kind !== ',' || open.length === 0) return at
        state = inObject ? 'key' : 'value'
      } else if (state === 'colon') {
        if (kind !== ':') return at
        state = 'value'
      } else if (state === 'key' || (state === 'first' && inObject)) {
        if (kind !== '"') return at
        state = 'colon'
      } else if (kind === '{' || kind === '[') {
        open.push(kind)
        state = 'first'
      } else if (kind === ',' || kind === ':') return at
      else state = 'after'
    }
    at = end
  }
  return at
}

/** Gives the offset after the string that opens at `at`, or −1 − the offset of what breaks it. */
function stringEnd(text: string, at: number): number {
  for (let i = at + 1; i < text.length; ) {
    if (text[i] === '"') return i + 1
    if (text[i] === '\\') {
      ESCAPE.lastIndex = i
      if (!ESCAPE.test(text)) return -1 - i
      i = ESCAPE.lastIndex
    } else if (text.charCodeAt(i) < 0x20) return -1 - i
    else i++
  }
  return -1 - text.length
}
