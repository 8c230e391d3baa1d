import type { Dim, Type } from './ir.js'

/** Tells whether a program version spells scalars as `tensor<fp16, []>` (1.0) rather than `fp16` (1.3). */
export function isOldSpelling(version: string): boolean {
  return Number(version) < 1.3
}

/** Prints a type as programs of this version spell it. */
export function printType(type: Type, version = '1.3'): string {
  switch (type.kind) {
    case 'tensor':
      if (type.shape.length === 0 && !isOldSpelling(version)) return type.dtype
      return `tensor<${type.dtype}, [${type.shape.map(printDim).join(', ')}]>`
    case 'list':
      return `list<${printType(type.element, version)}, ${printDim(type.length)}>`
    case 'dict':
      return `dict<${printType(type.key, version)}, ${printType(type.value, version)}>`
    case 'tuple':
      return `tuple<${type.elements.map((element) => printType(element, version)).join(', ')}>`
    case 'state':
      return `state<${printType(type.element, version)}>`
    case 'tensor_buffer': {
      const fields = Object.entries(type.fields).map(([name, numbers]) => `, ${name}=[${numbers.join(', ')}]`)
      return `tensor_buffer<${type.dtype}${fields.join('')}>`
    }
  }
}

function printDim(dim: Dim): string {
  return dim === null ? '?' : String(dim)
}

/** Tells whether two types are equal; an unknown dimension equals any. */
export function compatibleTypes(a: Type, b: Type): boolean {
  if (a.kind === 'tensor' && b.kind === 'tensor') {
    return (
      a.dtype === b.dtype && a.shape.length === b.shape.length && a.shape.every((dim, i) => sameDim(dim, b.shape[i]))
    )
  }
  if (a.kind === 'list' && b.kind === 'list') {
    return sameDim(a.length, b.length) && compatibleTypes(a.element, b.element)
  }
  if (a.kind === 'dict' && b.kind === 'dict') return compatibleTypes(a.key, b.key) && compatibleTypes(a.value, b.value)
  if (a.kind === 'state' && b.kind === 'state') return compatibleTypes(a.element, b.element)
  if (a.kind === 'tuple' && b.kind === 'tuple') {
    return a.elements.length === b.elements.length && a.elements.every((e, i) => compatibleTypes(e, b.elements[i]))
  }
  return a.kind === b.kind && printType(a) === printType(b)
}

function sameDim(a: Dim, b: Dim): boolean {
  return a === null || b === null || a === b
}
