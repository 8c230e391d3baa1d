/** Moving large constants from the text of a program to weight files. */

import { writeBlob } from './blob-writer.js'
import type { Dtype, Literal, Operation, Program } from './ir.js'
import { literalNumbers } from './literals.js'
import { mapFunctions } from './value-graph.js'

/** Constants of these types with at least `FILE_ELEMENTS` elements are kept in files. */
const FILE_DTYPES: readonly Dtype[] = ['fp16', 'fp32', 'int8', 'uint8']
/** See `FILE_DTYPES`. */
const FILE_ELEMENTS = 10
/** Position of the only record of a weight file. */
export const WEIGHT_OFFSET = 64

/** Tells whether the builder keeps a constant in a file. */
export function belongsInFile(dtype: Dtype, elements: number): boolean {
  return FILE_DTYPES.includes(dtype) && elements >= FILE_ELEMENTS
}

/** Path of the file of a constant. */
export function weightPath(name: string): string {
  return `@model_path/weights/${name}.bin`
}

/** Returns the program with large constants moved to files, except the literals in `keep`. */
export function moveConstantsToFiles(
  program: Program,
  keep: ReadonlySet<Literal>,
): { program: Program; blobs: Map<string, Uint8Array> } {
  const blobs = new Map<string, Uint8Array>()
  const moved = (operation: Operation): Operation => {
    const { val } = operation.operands
    if (operation.op !== 'const' || val?.kind !== 'literal' || keep.has(val.literal)) return operation
    const { type } = val.literal
    const data = literalNumbers(val.literal)
    if (!data || type.kind !== 'tensor' || !belongsInFile(type.dtype, data.length)) return operation
    const path = weightPath(operation.results[0].name)
    blobs.set(path, writeBlob(type.dtype, data))
    const literal: Literal = { type, value: { kind: 'blob', path, offset: WEIGHT_OFFSET } }
    return { ...operation, operands: { ...operation.operands, val: { kind: 'literal', literal } } }
  }
  const rewritten = mapFunctions(program, (func) => ({ ...func, operations: func.operations.map(moved) }))
  return { program: rewritten, blobs }
}
