/** More weights in files than a program may have, joined into one matrix. */

import { readBlob } from '../../blob-reader.js'
import { type Builder, createBuilder } from '../../builder.js'
import { weightPath } from '../../constant-files.js'
import type {
  BlobFiles,
  BlobReference,
  Dtype,
  Function as Func,
  Operation,
  Program,
  TensorType,
  Value,
} from '../../ir.js'
import { bestPlacement, type PackCandidate, type PackedInput, packInputs } from '../../passes/pack-layout.js'
import { elementCount } from '../../tensor.js'
import { mapUses } from '../../value-graph.js'
import type { ResolvedTarget } from '../chips.js'
import { ProgramFacts } from '../facts.js'
import { isJoinable, weightRecords } from '../rules/weights.js'
import { dims, namesOf, type Repaired } from './rewriting.js'

/** Records left in a program: the limit of 16 less what repairs that follow write. */
const RECORDS = 12
/** Where weights begin in the joined matrix, and how wide it may be on any chip. */
const [ALIGN, MAX_COLUMNS] = [32, 16384]

interface FileConstant {
  readonly value: Value
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly reference: BlobReference
}

/**
 * Joins all but the largest weights into one record, from which the program slices them.
 *
 * 1×1 convolutions with a joined kernel become products, since a kernel has to be a constant. Weights whose file is not
 * given, that other convolutions use or that constexpr operations read stay where they are.
 */
export function joinWeightRecords(program: Program, blobs: BlobFiles, target: ResolvedTarget): Repaired {
  const files = new Map(blobs)
  let count = 0
  const functions = program.functions.map((func) => {
    const facts = new ProgramFacts(program, func, target)
    const joined = surplus(facts, blobs)
    if (joined.length < 2) return func
    count += joined.length
    return joinedInto(func, facts, joined, files)
  })
  if (count === 0) return { program, blobs, count }
  const rewritten = { ...program, functions }
  const used = new Set(
    functions.flatMap((func) =>
      new ProgramFacts(rewritten, func, target).files().map(({ reference }) => reference.path),
    ),
  )
  return { program: rewritten, blobs: new Map([...files].filter(([path]) => used.has(path))), count }
}

/** The weights to join: the smallest of those that can be, of the type most of them have. */
function surplus(facts: ProgramFacts, blobs: BlobFiles): FileConstant[] {
  const records = weightRecords(facts)
  if (records <= RECORDS) return []
  const candidates = facts.files().flatMap(({ operation, reference }): FileConstant[] => {
    if (!isJoinable(facts, operation) || !blobs.has(reference.path)) return []
    const [value] = operation.results
    const { dtype, shape } = value.type as TensorType
    return [{ value, dtype, shape: shape as number[], reference }]
  })
  const halves = candidates.filter(({ dtype }) => dtype === 'fp16')
  const joinable = 2 * halves.length >= candidates.length ? halves : candidates.filter(({ dtype }) => dtype === 'fp32')
  const kept = Math.max(0, RECORDS - 1 - (records - joinable.length))
  return joinable.toSorted((a, b) => elementCount(b.shape) - elementCount(a.shape)).slice(kept)
}

function joinedInto(
  func: Func,
  facts: ProgramFacts,
  joined: readonly FileConstant[],
  files: Map<string, Uint8Array>,
): Func {
  const b = createBuilder({ opset: func.opset, name: func.name })
  b.reserve(namesOf(func))
  const { dtype } = joined[0]
  const { inputs, channels, columns } = layoutOf(joined)
  const name = b.freeName('joined_weights')
  const tensors = joined.map(({ value, shape, reference }) => {
    const options = { dtype, elements: elementCount(shape), path: reference.path }
    return [
      value.name,
      { dtype, shape, data: readBlob(files.get(reference.path)!, reference.offset, options).data },
    ] as const
  })
  const surface = { name, channels, columns }
  const layout = { input: surface, output: surface, inputs, outputs: {} }
  const { data } = packInputs(layout, Object.fromEntries(tensors))
  const matrix = b.constant(dtype, [1, channels, 1, columns], data as Float32Array, { name, path: weightPath(name) })

  const stored = new Map(joined.map(({ value }) => [value, inputs[value.name]]))
  const unpacked = new Map<string, Value>()
  const weight = (value: Value, shape: readonly number[]): Value => {
    const key = `${value.name} ${shape}`
    const known =
      unpacked.get(key) ?? b.reshape({ x: sliced(b, matrix, value, stored.get(value)!), shape }, `${value.name}_joined`)
    unpacked.set(key, known)
    return known
  }
  for (const operation of func.operations) {
    const [result] = operation.results
    if (operation.op === 'const' && stored.has(result)) continue
    const kernel = operation.op === 'conv' ? facts.value(operation, 'weight') : undefined
    if (kernel && stored.has(kernel))
      appendProduct(b, operation, weight(kernel, [1, 1, dims(kernel)[0], dims(kernel)[1]]))
    else b.append(mapUses(operation, (value) => (stored.has(value) ? weight(value, dims(value)) : value)))
  }
  for (const [path, bytes] of b.blobs) files.set(path, bytes)
  return { ...func, operations: b.function.operations }
}

/** Reads a weight back from the joined matrix. */
function sliced(b: Builder, matrix: Value, { name }: Value, { pieces, cols }: PackedInput): Value {
  const values = pieces.map(({ rows, channel, column }) =>
    b.sliceBySize({ x: matrix, begin: [0, channel, 0, column], size: [1, rows, 1, cols] }, `${name}_piece`),
  )
  return values.length === 1 ? values[0] : b.concat({ values, axis: 1, interleave: false }, `${name}_stored`)
}

function appendProduct(b: Builder, operation: Operation, weight: Value): void {
  const [result] = operation.results
  const x = (operation.operands.x as { value: Value }).value
  const [, channels, , columns] = dims(x)
  const rows = b.reshape({ x, shape: [1, 1, channels, columns] }, `${result.name}_rows`)
  const product = b.matmul({ x: weight, y: rows, transpose_x: false, transpose_y: false }, `${result.name}_product`)
  const shape = b.constant('int32', [4], dims(result))
  const operands = { x: { kind: 'value', value: product }, shape: { kind: 'value', value: shape } } as const
  b.append({ op: 'reshape', operands, attributes: operation.attributes, results: [result], blocks: [] })
}

function layoutOf(joined: readonly FileConstant[]) {
  const candidates = joined.map(({ value, shape }): PackCandidate => {
    const [first = 1, ...others] = shape.filter((dim) => dim !== 1)
    const cols = others.at(-1) ?? 1
    return {
      name: value.name,
      rows: (first * others.reduce((product, dim) => product * dim, 1)) / cols,
      cols,
      weight: false,
    }
  })
  return bestPlacement(candidates, ALIGN, MAX_COLUMNS)
}
