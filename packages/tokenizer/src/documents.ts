import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { FormatError, shown } from './format-error.js'
import { parseJson } from './json-location.js'
import { readText } from './text-stream.js'

/** A document is cut when it grows beyond this many characters, so that memory stays bounded. */
const MAX_DOCUMENT = 1 << 20
/** A JSON line is refused beyond this many characters. */
const MAX_LINE = 1 << 26
const END_OF_TEXT = '<|endoftext|>'
const BLANK_LINES = /(?:\r?\n[ \t]*){2,}/g

/** How `readDocuments` cuts text files. */
export interface ReadDocumentsOptions {
  /**
   * The text between two documents of a `.txt` file; `null` for none.
   *
   * Left out, it is `<|endoftext|>` when that occurs in the first MiB, else blank lines when there are any, else none.
   */
  separator?: string | null
}

/**
 * Reads documents from a text file, a `.jsonl` file with `{"text": …}` on every line, or a folder of `.txt` and
 * `.jsonl` files, in the order of their paths.
 *
 * Files are streamed. White space around a document is dropped where a separator was found, and empty documents are left
 * out. A text that runs on for 2^20 characters without a separator is cut at a line break or space.
 *
 * @throws {FormatError} for malformed UTF-8 (byte offset), a malformed line (line and column), and when there is no text
 */
export async function* readDocuments(location: string, options: ReadDocumentsOptions = {}): AsyncGenerator<string> {
  if (options.separator === '') throw new RangeError('Expected a text or null for separator, got an empty text.')
  let any = false
  for (const file of await filesOf(location)) {
    const documents = file.endsWith('.jsonl') ? jsonLines(file) : textDocuments(file, options.separator)
    for await (const document of documents) {
      if (document.trim() === '') continue
      any = true
      yield document
    }
  }
  if (!any) throw new FormatError('Expected text, got none.', { path: location })
}

async function filesOf(location: string): Promise<string[]> {
  const found = await stat(location).catch((cause) => {
    throw new FormatError('Expected a file or folder of text, got none.', { path: location, cause })
  })
  if (!found.isDirectory()) return [location]
  const entries = await readdir(location, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile() && /\.(txt|jsonl)$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
  if (files.length === 0)
    throw new FormatError('Expected .txt or .jsonl files in the folder, got none.', { path: location })
  return files.sort()
}

async function* textDocuments(file: string, separator: string | null | undefined): AsyncGenerator<string> {
  let pending = ''
  let between: string | RegExp | null | undefined = separator
  for await (const part of readText(file)) {
    // A separator may straddle two parts, so the search starts a little before the new one.
    let from = Math.max(0, pending.length - Math.max(256, typeof between === 'string' ? between.length : 0))
    pending += part
    if (between === undefined) between = detectSeparator(pending)
    let start = 0
    for (
      let found = find(pending, between, from);
      found && found[1] < pending.length;
      found = find(pending, between, from)
    ) {
      yield pending.slice(start, found[0]).trim()
      start = from = found[1]
    }
    while (pending.length - start > MAX_DOCUMENT) {
      const cut = cutPoint(pending, start)
      yield pending.slice(start, cut)
      start = cut
    }
    pending = pending.slice(start)
  }
  if (typeof between === 'string' && pending.endsWith(between)) pending = pending.slice(0, -between.length)
  yield between === null ? pending : pending.trim()
}

function detectSeparator(text: string): string | RegExp | null {
  if (text.includes(END_OF_TEXT)) return END_OF_TEXT
  BLANK_LINES.lastIndex = 0
  return BLANK_LINES.test(text.trim()) ? BLANK_LINES : null
}

/** Gives start and end of the next separator. */
function find(text: string, separator: string | RegExp | null | undefined, from: number): [number, number] | undefined {
  if (separator === null || separator === undefined) return undefined
  if (typeof separator === 'string') {
    const at = text.indexOf(separator, from)
    return at < 0 ? undefined : [at, at + separator.length]
  }
  separator.lastIndex = from
  const found = separator.exec(text)
  return found ? [found.index, found.index + found[0].length] : undefined
}

/** Finds where to cut a text that is too long: after a line break, else before a space, else between characters. */
function cutPoint(text: string, start: number): number {
  const end = start + MAX_DOCUMENT
  const line = text.lastIndexOf('\n', end - 1)
  if (line > start) return line + 1
  const space = text.lastIndexOf(' ', end)
  if (space > start) return space
  const unit = text.charCodeAt(end)
  return unit >= 0xdc00 && unit < 0xe000 ? end - 1 : end
}

async function* jsonLines(file: string): AsyncGenerator<string> {
  let line = 0
  let pending = ''
  for await (const part of readText(file)) {
    const lines = (pending + part).split('\n')
    pending = lines.pop()!
    for (const text of lines) yield documentOf(text, file, ++line)
    if (pending.length > MAX_LINE) {
      throw new FormatError(`Expected at most ${MAX_LINE} characters on a line, got more.`, {
        path: file,
        line: line + 1,
      })
    }
  }
  yield documentOf(pending, file, line + 1)
}

function documentOf(line: string, file: string, number: number): string {
  if (line.trim() === '') return ''
  const row = parseJson(line, file, number) as { text?: unknown } | null
  if (typeof row === 'object' && row !== null && typeof row.text === 'string') return row.text
  throw new FormatError(`Expected {"text": "…"} on the line, got ${shown(row)}.`, {
    path: file,
    line: number,
    column: 1,
  })
}
