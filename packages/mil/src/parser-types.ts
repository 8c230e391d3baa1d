import { isDtype } from './dtypes.js'
import type { Dim, Dtype, Type } from './ir.js'
import type { Lexer } from './lexer.js'

const MAX_TYPE_DEPTH = 32
const MAX_RANK = 16
const MAX_DIM = 2 ** 31 - 1

/**
 * Reads a type in either spelling; `head` is its first word if already read.
 *
 * @throws {FormatError} with line and column
 */
export function parseType(lexer: Lexer, head?: string, depth = 0): Type {
  if (depth > MAX_TYPE_DEPTH) throw lexer.error(`Expected at most ${MAX_TYPE_DEPTH} nested types, got more.`)
  const start = { line: lexer.line, column: lexer.column }
  const word = head ?? lexer.identifier('a type')
  if (isDtype(word)) return { kind: 'tensor', dtype: word, shape: [] }
  const open = () => lexer.expect('<', `the type ${word}`)
  const inner = () => parseType(lexer, undefined, depth + 1)
  let type: Type
  switch (word) {
    case 'tensor':
      open()
      type = parseTensor(lexer)
      break
    case 'tensor_buffer':
      open()
      type = parseTensorBuffer(lexer)
      break
    case 'list':
      open()
      type = { kind: 'list', element: inner(), length: lexer.skip(',') ? parseDim(lexer) : null }
      break
    case 'state':
      open()
      type = { kind: 'state', element: inner() }
      break
    case 'dict': {
      open()
      const key = inner()
      lexer.expect(',', 'the type dict')
      type = { kind: 'dict', key, value: inner() }
      break
    }
    case 'tuple': {
      open()
      const elements: Type[] = []
      while (!lexer.at('>')) {
        if (elements.length > 0) lexer.expect(',', 'the type tuple')
        elements.push(inner())
      }
      type = { kind: 'tuple', elements }
      break
    }
    default:
      throw lexer.error(`Expected a type, got '${word.slice(0, 40)}'.`, start)
  }
  lexer.expect('>', `the type ${word}`)
  return type
}

function parseTensor(lexer: Lexer): Type {
  const dtype = parseDtype(lexer)
  lexer.expect(',', 'the type tensor')
  lexer.expect('[', 'the shape of a tensor')
  const shape: Dim[] = []
  while (!lexer.at(']')) {
    if (shape.length === MAX_RANK) throw lexer.error(`Expected at most ${MAX_RANK} dimensions, got more.`)
    if (shape.length > 0) lexer.expect(',', 'the shape of a tensor')
    shape.push(parseDim(lexer))
  }
  lexer.next()
  return { kind: 'tensor', dtype, shape }
}

function parseTensorBuffer(lexer: Lexer): Type {
  const dtype = parseDtype(lexer)
  const fields = new Map<string, readonly number[]>()
  while (lexer.skip(',')) {
    const name = lexer.identifier('a field of tensor_buffer')
    if (fields.has(name)) throw lexer.error(`Expected one field ${name} of tensor_buffer, got two.`)
    lexer.expect('=', `the field ${name}`)
    lexer.expect('[', `the field ${name}`)
    const numbers: number[] = []
    while (!lexer.at(']')) {
      if (numbers.length === MAX_RANK) throw lexer.error(`Expected at most ${MAX_RANK} dimensions, got more.`)
      if (numbers.length > 0) lexer.expect(',', `the field ${name}`)
      numbers.push(parseCount(lexer, `the field ${name}`))
    }
    lexer.next()
    fields.set(name, numbers)
  }
  return { kind: 'tensor_buffer', dtype, fields: Object.fromEntries(fields) }
}

function parseDtype(lexer: Lexer): Dtype {
  const { text } = lexer
  if (lexer.kind !== 'identifier' || !isDtype(text)) throw lexer.unexpected('an element type', 'a tensor')
  lexer.next()
  return text
}

/** Reads a dimension; `?` and symbolic names are unknown. */
function parseDim(lexer: Lexer): Dim {
  if (lexer.skip('?')) return null
  if (lexer.kind === 'identifier') {
    lexer.next()
    return null
  }
  return parseCount(lexer, 'a dimension')
}

function parseCount(lexer: Lexer, name: string): number {
  const count = lexer.kind === 'integer' ? Number(lexer.text) : Number.NaN
  if (!(count >= 0 && count <= MAX_DIM)) throw lexer.unexpected(`an integer from 0 to ${MAX_DIM}`, name)
  lexer.next()
  return count
}
