/** Inputs and outputs as wide as every Neural Engine reads them. */

import { type Builder, createBuilder } from '../../builder.js'
import type { BlobFiles, Function as Func, Program, TensorType, Value } from '../../ir.js'
import { NameScope } from '../../name-scope.js'
import { roundUp } from '../../passes/pack-layout.js'
import { tensorOf } from '../../tensor.js'
import { mapUses } from '../../value-graph.js'
import { withValues } from './interface.js'
import { namesOf } from './rewriting.js'
import { zeros } from './zeros.js'

/** Every chip reads widths that are multiples of this, whatever it makes of others. */
const COLUMNS = 32

/** Columns of a surface that holds rows of `width` elements: the next multiple of 32. */
export const surfaceColumns = (width: number): number => roundUp(width, COLUMNS)

/**
 * Widens inputs and outputs to a multiple of 32 columns; names stay.
 *
 * A program reads the columns of an input it read before, and writes 0 to the new columns of an output.
 */
export function padWidths(program: Program, blobs: BlobFiles): { program: Program; blobs: BlobFiles } {
  const files = new Map(blobs)
  const functions = program.functions.map((func) => {
    if (![...func.inputs, ...func.outputs].some(isNarrow)) return func
    const { widened, added } = widen(func)
    for (const [path, bytes] of added) files.set(path, bytes)
    return widened
  })
  return { program: { ...program, functions }, blobs: files }
}

function widen(original: Func): { widened: Func; added: BlobFiles } {
  const names = new NameScope()
  for (const name of namesOf(original)) names.unique(name)
  const narrowed = (value: Value): Value => ({ name: names.unique(`${value.name}_columns`), type: value.type })
  const outputs = original.outputs.filter((value) => isNarrow(value) && !original.inputs.includes(value))
  const func = withValues(original, new Map(outputs.map((value) => [value, narrowed(value)])))

  const b = createBuilder({ opset: func.opset, name: func.name })
  b.reserve(namesOf(func))
  const read = new Map<Value, Value>()
  const inputs = func.inputs.map((value) => (isNarrow(value) ? { name: value.name, type: wideType(value) } : value))
  for (const [i, value] of func.inputs.entries()) {
    if (inputs[i] === value) continue
    const size = shapeOf(value)
    read.set(value, b.sliceBySize({ x: inputs[i], begin: size.map(() => 0), size }, `${value.name}_columns`))
  }
  for (const operation of func.operations) b.append(mapUses(operation, (value) => read.get(value) ?? value))
  const written = func.outputs.map((value, i) =>
    isNarrow(value) ? withZeroColumns(b, read.get(value) ?? value, original.outputs[i].name) : value,
  )
  return { widened: { ...func, inputs, operations: b.function.operations, outputs: written }, added: b.blobs }
}

function withZeroColumns(b: Builder, x: Value, name: string): Value {
  const shape = shapeOf(x)
  const missing = surfaceColumns(shape.at(-1)!) - shape.at(-1)!
  const rest = zeros(b, (x.type as TensorType).dtype, [...shape.slice(0, -1), missing])
  return b.concat({ values: [x, rest], axis: shape.length - 1, interleave: false }, name)
}

function isNarrow(value: Value): boolean {
  const shape = tensorOf(value.type)?.shape ?? []
  return shape.length > 0 && !shape.includes(null) && (shape.at(-1) as number) % COLUMNS !== 0
}

const shapeOf = (value: Value) => [...(value.type as TensorType).shape] as number[]

function wideType(value: Value): TensorType {
  const type = value.type as TensorType
  return { ...type, shape: [...type.shape.slice(0, -1), surfaceColumns(type.shape.at(-1) as number)] }
}
