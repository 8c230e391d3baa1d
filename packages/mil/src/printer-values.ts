import { DTYPES } from './dtypes.js'
import { printHexFloat } from './hex-float.js'
import type { Dtype, Literal, NumericData, TensorType } from './ir.js'
import { compatibleTypes, isOldSpelling, printType } from './type-text.js'

/**
 * Prints a typed constant, `type(…)`, as programs of this version spell it; floats exactly, in hexadecimal.
 *
 * @throws {TypeError} if the value does not belong to its type
 */
export function printLiteral(literal: Literal, version: string): string {
  const type = printType(literal.type, version)
  const { value } = literal
  if (value.kind !== 'blob') return `${type}(${printContents(literal, version)})`
  const old = isOldSpelling(version)
  const path = printString(value.path)
  const fields = old
    ? `path = tensor<string, []>(${path}), offset = tensor<uint64, []>(${value.offset})`
    : `path = string(${path}), offset = uint64(${value.offset})`
  return `${type}(BLOBFILE(${fields}))`
}

function printContents({ type, value }: Literal, version: string): string {
  switch (value.kind) {
    case 'numbers':
      if (type.kind !== 'tensor' || type.dtype === 'string') throw mismatch(type.kind, value.kind)
      return printElements(type, printNumbers(type.dtype, value.data))
    case 'strings':
      if (type.kind !== 'tensor' || type.dtype !== 'string') throw mismatch(type.kind, value.kind)
      return printElements(type, value.data.map(printString))
    case 'list': {
      if (type.kind !== 'list' && type.kind !== 'tuple') throw mismatch(type.kind, value.kind)
      const types = type.kind === 'tuple' ? type.elements : value.items.map(() => type.element)
      const length = type.kind === 'tuple' ? types.length : (type.length ?? value.items.length)
      if (value.items.length !== length) {
        throw new TypeError(`Expected ${length} items for a ${type.kind}, got ${value.items.length}.`)
      }
      const items = value.items.map((item, i) => printItem(item, types[i], version)).join(', ')
      return type.kind === 'tuple' ? `(${items})` : `[${items}]`
    }
    case 'dict': {
      if (type.kind !== 'dict') throw mismatch(type.kind, value.kind)
      const entries = value.entries.map(
        ([key, item]) => `{${printItem(key, type.key, version)}, ${printItem(item, type.value, version)}}`,
      )
      return `{${entries.join(', ')}}`
    }
    case 'blob':
      throw new TypeError('Expected an inline constant for an element, got a file reference.')
  }
}

/** Prints an element of a list, dict or tuple; its type is in the container's, only a file reference repeats it. */
function printItem(literal: Literal, type: Literal['type'], version: string): string {
  if (!compatibleTypes(literal.type, type)) {
    throw new TypeError(`Expected ${printType(type)} for an element, got ${printType(literal.type)}.`)
  }
  return literal.value.kind === 'blob'
    ? printLiteral(literal, version)
    : printContents({ type, value: literal.value }, version)
}

function mismatch(type: string, value: string): TypeError {
  return new TypeError(`Expected a value of a ${type} for a constant, got ${value}.`)
}

/** Nests printed elements by the shape; with several unknown dimensions they stay one flat list. */
function printElements({ dtype, shape }: TensorType, elements: readonly string[]): string {
  const known = shape.reduce<number>((product, dim) => product * (dim ?? 1), 1)
  const unknown = shape.filter((dim) => dim === null).length
  const fits =
    unknown === 0 ? elements.length === known : known === 0 ? elements.length === 0 : elements.length % known === 0
  if (!fits) {
    throw new TypeError(`Expected elements for ${printType({ kind: 'tensor', dtype, shape })}, got ${elements.length}.`)
  }
  if (shape.length === 0) return elements[0]
  if (unknown > 1 || known === 0) return `[${elements.join(', ')}]`
  let items = [...elements]
  for (let axis = shape.length - 1; axis > 0; axis--) {
    const size = shape[axis] ?? elements.length / known
    const rows: string[] = []
    if (size === 0) return '[]'
    for (let i = 0; i < items.length; i += size) rows.push(`[${items.slice(i, i + size).join(', ')}]`)
    items = rows
  }
  return `[${items.join(', ')}]`
}

function printNumbers(dtype: Dtype, data: NumericData): string[] {
  const { kind } = DTYPES[dtype]
  const print = (x: number | bigint) => {
    if (kind === 'float') return printHexFloat(Number(x))
    return kind === 'bool' ? String(x !== 0) : String(x)
  }
  return Array.from<number | bigint, string>(data as ArrayLike<number | bigint>, print)
}

function printString(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
