import { DTYPES } from './dtypes.js'
import { parseHexFloat } from './hex-float.js'
import type { Dtype, Literal, LiteralData, NumericData, TensorType, Type } from './ir.js'
import type { Lexer } from './lexer.js'
import { roundToFloat } from './minifloat.js'
import { parseType } from './parser-types.js'
import { allocate } from './tensor.js'
import { compatibleTypes, printType } from './type-text.js'

const MAX_LITERAL_DEPTH = 64
const WORDS = new Set(['true', 'false', 'inf', 'nan'])

type Scalar = number | bigint | string

/**
 * Reads a typed constant, `type(…)`; `head` is the first word of the type if already read.
 *
 * @throws {FormatError} with line and column
 */
export function parseValue(lexer: Lexer, head?: string, depth = 0): Literal {
  const type = parseType(lexer, head)
  lexer.expect('(', `a value of type ${printType(type)}`)
  const value = isBlob(lexer) ? parseBlob(lexer, type) : parseContents(lexer, type, depth)
  lexer.expect(')', `a value of type ${printType(type)}`)
  return { type, value }
}

/**
 * Reads a constant without a type, which becomes `bool`, `string`, `int32` or `fp32` by its spelling.
 *
 * @throws {FormatError} with line and column
 */
export function parseBareValue(lexer: Lexer): Literal {
  const dtype = bareDtype(lexer)
  if (!dtype) throw lexer.unexpected('a value name or a typed constant', 'an operand')
  const type: TensorType = { kind: 'tensor', dtype, shape: [] }
  return { type, value: parseContents(lexer, type, 0) }
}

function bareDtype({ kind, text }: Lexer): Dtype | undefined {
  if (kind === 'string') return 'string'
  if (kind === 'integer') return 'int32'
  if (kind === 'identifier' && (text === 'true' || text === 'false')) return 'bool'
  return kind === 'float' || (kind === 'identifier' && WORDS.has(text)) ? 'fp32' : undefined
}

function isBlob(lexer: Lexer): boolean {
  return lexer.kind === 'identifier' && lexer.text === 'BLOBFILE'
}

function parseBlob(lexer: Lexer, type: Type): LiteralData {
  if (type.kind !== 'tensor') throw lexer.error(`Expected a tensor for BLOBFILE, got a ${type.kind}.`)
  lexer.next()
  lexer.expect('(', 'BLOBFILE')
  const path = blobField(lexer, 'path').value
  lexer.expect(',', 'BLOBFILE')
  const at = { line: lexer.line, column: lexer.column }
  const offset = blobField(lexer, 'offset').value
  lexer.expect(')', 'BLOBFILE')
  if (path.kind !== 'strings' || path.data.length !== 1) {
    throw lexer.error('Expected a string for path of BLOBFILE, got something else.', at)
  }
  const position = offset.kind === 'numbers' && offset.data.length === 1 ? Number(offset.data[0]) : -1
  if (!Number.isSafeInteger(position) || position < 0) {
    throw lexer.error('Expected an integer of at least 0 for offset of BLOBFILE, got something else.', at)
  }
  return { kind: 'blob', path: path.data[0], offset: position }
}

function blobField(lexer: Lexer, name: string): Literal {
  if (lexer.kind !== 'identifier' || lexer.text !== name) throw lexer.unexpected(`'${name}'`, 'BLOBFILE')
  lexer.next()
  lexer.expect('=', `${name} of BLOBFILE`)
  if (lexer.kind !== 'identifier') throw lexer.unexpected('a typed constant', `${name} of BLOBFILE`)
  return parseValue(lexer)
}

/** Reads what is between the parentheses of a typed constant, or one element of a list, dict or tuple. */
function parseContents(lexer: Lexer, type: Type, depth: number): LiteralData {
  if (depth > MAX_LITERAL_DEPTH) throw lexer.error(`Expected at most ${MAX_LITERAL_DEPTH} nested values, got more.`)
  switch (type.kind) {
    case 'tensor':
      return parseTensorData(lexer, type)
    case 'list': {
      const items = lexer.at(')') ? [] : sequence(lexer, '[', ']', () => parseElement(lexer, type.element, depth))
      if (type.length !== null && items.length !== type.length) {
        throw lexer.error(`Expected ${type.length} items for a list, got ${items.length}.`)
      }
      return { kind: 'list', items }
    }
    case 'tuple': {
      const items = sequence(lexer, '(', ')', (i) => {
        if (i >= type.elements.length) throw lexer.unexpected(`${type.elements.length} items`, 'a tuple')
        return parseElement(lexer, type.elements[i], depth)
      })
      if (items.length !== type.elements.length) {
        throw lexer.error(`Expected ${type.elements.length} items for a tuple, got ${items.length}.`)
      }
      return { kind: 'list', items }
    }
    case 'dict': {
      const entries = sequence(lexer, '{', '}', () => {
        lexer.expect('{', 'a dict entry')
        const key = parseElement(lexer, type.key, depth)
        lexer.expect(',', 'a dict entry')
        const value = parseElement(lexer, type.value, depth)
        lexer.expect('}', 'a dict entry')
        return [key, value] as const
      })
      return { kind: 'dict', entries }
    }
    default:
      throw lexer.unexpected('no constant', `the type ${type.kind}`)
  }
}

function parseElement(lexer: Lexer, type: Type, depth: number): Literal {
  if (lexer.kind !== 'identifier' || WORDS.has(lexer.text)) {
    return { type, value: parseContents(lexer, type, depth + 1) }
  }
  const start = { line: lexer.line, column: lexer.column }
  const literal = parseValue(lexer, undefined, depth + 1)
  if (!compatibleTypes(literal.type, type)) {
    throw lexer.error(`Expected ${printType(type)} for an element, got ${printType(literal.type)}.`, start)
  }
  return literal
}

function sequence<T>(lexer: Lexer, open: string, close: string, item: (index: number) => T): T[] {
  lexer.expect(open, 'a constant')
  const items: T[] = []
  while (!lexer.at(close)) {
    if (items.length > 0) lexer.expect(',', 'a constant')
    items.push(item(items.length))
  }
  lexer.next()
  return items
}

/** Reads nested arrays, a flat array of all elements, or a single unbracketed element. */
function parseTensorData(lexer: Lexer, { dtype, shape }: TensorType): LiteralData {
  const elements: Scalar[] = []
  const sizes: number[] = []
  let depth: number | undefined
  const array = (level: number): void => {
    const count = sequence(lexer, '[', ']', () => {
      const isElement = !lexer.at('[')
      if (isElement) depth ??= level
      if (isElement && depth === level) return elements.push(parseScalar(lexer, dtype))
      if (isElement || level + 1 >= shape.length || depth === level)
        throw lexer.unexpected(`${dtype} elements`, `a tensor of rank ${shape.length}`)
      return array(level + 1)
    }).length
    if (sizes[level] !== undefined && sizes[level] !== count) {
      throw lexer.error(`Expected ${sizes[level]} elements for dimension ${level}, got ${count}.`)
    }
    sizes[level] = count
  }
  const start = { line: lexer.line, column: lexer.column }
  if (lexer.at('[') && shape.length > 0) array(0)
  else if (!lexer.at(')')) elements.push(parseScalar(lexer, dtype))
  if (!fits(elements.length, sizes, shape)) {
    const got = sizes.length > 1 ? `[${sizes.join(', ')}]` : `${elements.length} elements`
    throw lexer.error(`Expected elements for ${printType({ kind: 'tensor', dtype, shape })}, got ${got}.`, start)
  }
  return pack(dtype, elements)
}

function fits(count: number, sizes: readonly number[], shape: readonly (number | null)[]): boolean {
  if (sizes.length > 1) {
    const product = sizes.reduce((a, b) => a * b, 1)
    const ragged = product !== count || (product > 0 && sizes.length !== shape.length)
    return !ragged && sizes.every((size, i) => shape[i] === null || shape[i] === size)
  }
  let known = 1
  for (const dim of shape) if (dim !== null) known *= dim
  return shape.includes(null) ? (known === 0 ? count === 0 : count % known === 0) : count === known
}

function pack(dtype: Dtype, elements: readonly Scalar[]): LiteralData {
  if (dtype === 'string') return { kind: 'strings', data: elements as string[] }
  const data: NumericData = allocate(dtype, elements.length)
  for (let i = 0; i < elements.length; i++) data[i] = elements[i] as never
  return { kind: 'numbers', data }
}

/** Reads one element: a string, a bool as 0/1, a 64-bit integer as bigint, or a number rounded to its dtype. */
function parseScalar(lexer: Lexer, dtype: Dtype): Scalar {
  const { kind, text } = lexer
  const info = DTYPES[dtype]
  let value: Scalar | undefined
  if (info.kind === 'string') value = kind === 'string' ? text : undefined
  else if (info.kind === 'bool') {
    value = kind !== 'identifier' ? undefined : text === 'true' ? 1 : text === 'false' ? 0 : undefined
  } else if (info.kind === 'float') value = parseFloatToken(lexer, dtype)
  else if (kind === 'integer' && text.length <= 21) {
    const integer = BigInt(text)
    if (integer >= info.min && integer <= info.max) value = info.bits === 64 ? integer : Number(integer)
  }
  if (value === undefined)
    throw lexer.unexpected(dtype === 'bool' ? 'true or false' : `a ${dtype} number`, 'a constant')
  lexer.next()
  return value
}

function parseFloatToken({ kind, text }: Lexer, dtype: Dtype): number | undefined {
  if (kind === 'identifier') return text === 'inf' ? Infinity : text === 'nan' ? Number.NaN : undefined
  if (kind !== 'integer' && kind !== 'float') return undefined
  if (text === '-inf') return -Infinity
  if (text === '-nan') return Number.NaN
  const number = /[xX]/.test(text) ? parseHexFloat(text) : Number(text)
  if (number === undefined || !Number.isFinite(number)) return undefined
  const rounded = roundToFloat(dtype, number)
  return Number.isFinite(rounded) ? rounded : undefined
}
