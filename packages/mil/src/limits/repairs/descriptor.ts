/** The spelling of a program for a chip, its buildInfo and its weight files. */

import { readBlob } from '../../blob-reader.js'
import { writeBlob } from '../../blob-writer.js'
import { WEIGHT_OFFSET, weightPath } from '../../constant-files.js'
import type { BlobReference, Literal, Operand, TensorType } from '../../ir.js'
import { stringLiteral } from '../../literals.js'
import { elementCount } from '../../tensor.js'
import { mapFunctions } from '../../value-graph.js'
import { chipFamilies } from '../chips.js'
import type { Repair } from './rewriting.js'

const STRING: TensorType = { kind: 'tensor', dtype: 'string', shape: [] }
/** The compiler version programs of this package carry. */
const COMPILER_VERSION = '3505.4.1'

/** `program(1.0)` with ios16 for M1 and M2, `program(1.3)` with ios18 for later chips. */
export const spellForChip: Repair = (program, blobs, { chip }) => {
  const old = chipFamilies.indexOf(chip.family) < chipFamilies.indexOf('m3')
  const [version, opset] = old ? ['1.0', 'ios16'] : ['1.3', 'ios18']
  const unchanged = program.version === version && program.functions.every((func) => func.opset === opset)
  if (unchanged) return { program, blobs, count: 0 }
  const functions = program.functions.map((func) => ({
    ...func,
    opset,
    operations: func.operations.map(({ opset: _, ...operation }) => operation),
  }))
  return { program: { ...program, version, functions }, blobs, count: 1 }
}

/** A buildInfo with a coremlc-version, whatever else it has. */
export const buildInfo: Repair = (program, blobs) => {
  const given = program.attributes.buildInfo?.value
  const entries = given?.kind === 'dict' ? given.entries : []
  const isVersion = ({ value }: Literal) => value.kind === 'strings' && value.data[0] === 'coremlc-version'
  if (entries.some(([key]) => isVersion(key))) return { program, blobs, count: 0 }
  const value = {
    kind: 'dict' as const,
    entries: [[stringLiteral('coremlc-version'), stringLiteral(COMPILER_VERSION)] as const, ...entries],
  }
  const literal: Literal = { type: { kind: 'dict', key: STRING, value: STRING }, value }
  return { program: { ...program, attributes: { ...program.attributes, buildInfo: literal } }, blobs, count: 1 }
}

/** Moves each weight of a file that holds several to a file of its own; files that are not given stay as they are. */
export const ownWeightFiles: Repair = (program, blobs) => {
  const offsets = new Map<string, Set<number>>()
  const visit = (reference: BlobReference) => {
    const known = offsets.get(reference.path) ?? new Set()
    offsets.set(reference.path, known.add(reference.offset))
  }
  const files = new Map(blobs)
  let count = 0
  const eachLiteral = (act: (literal: Literal) => Literal) =>
    mapFunctions(program, (func) => ({
      ...func,
      operations: func.operations.map((operation) => {
        const operands = Object.entries(operation.operands).map(([name, operand]): [string, Operand] => [
          name,
          operand.kind === 'literal' ? { kind: 'literal', literal: act(operand.literal) } : operand,
        ])
        return { ...operation, operands: Object.fromEntries(operands) }
      }),
    }))
  eachLiteral((literal) => {
    if (literal.value.kind === 'blob') visit(literal.value)
    return literal
  })
  const rewritten = eachLiteral((literal) => {
    const { type, value } = literal
    const bytes = value.kind === 'blob' ? blobs.get(value.path) : undefined
    if (value.kind !== 'blob' || !bytes || offsets.get(value.path)!.size < 2 || type.kind !== 'tensor') return literal
    const elements = elementCount(type.shape as number[])
    const { data } = readBlob(bytes, value.offset, { dtype: type.dtype, elements, path: value.path })
    const stem = value.path.replace(/^.*\//, '').replace(/\.bin$/, '')
    const path = weightPath(`${stem}_${value.offset}`)
    files.set(path, writeBlob(type.dtype, data))
    files.delete(value.path)
    count++
    return { ...literal, value: { kind: 'blob', path, offset: WEIGHT_OFFSET } }
  })
  return { program: count > 0 ? rewritten : program, blobs: count > 0 ? files : blobs, count }
}
