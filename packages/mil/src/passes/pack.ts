/** One surface in, one surface out: activations and weights side by side along the spatial axis. */

import { type Builder, createBuilder } from '../builder.js'
import { shapeOf } from '../column-form.js'
import type { Function as Func, Program, TensorType, Value } from '../ir.js'
import { functionOf } from '../literals.js'
import { mapUses, valuesByName } from '../value-graph.js'
import { bestPlacement, type PackCandidate, type PackedInput, type PackLayout } from './pack-layout.js'

/** How a program is packed. */
export interface PackOptions {
  /** Inputs that may be stored transposed; every other input is an activation. */
  weights: readonly string[]
  /** Outputs become one, concatenated along the channels. */
  outputs?: 'concat'
  /** Each piece starts at a multiple of this many columns, 1 unless given. */
  align?: number
  /** Columns beyond which inputs go into further bands of channels; none unless given. A wider input exceeds it. */
  maxColumns?: number
  /** Names of the packed input and output. */
  names?: { input?: string; output?: string }
}

/**
 * Rewrites a program to read one surface and write one.
 *
 * Inputs `[1, C, 1, S]` (weights `[1, out, 1, in]`) lie side by side; the number of channels is the one with the
 * smallest surface (within 5 %) and the fewest pieces. Taller inputs are folded into blocks; weights may be stored
 * transposed, activations never.
 *
 * @throws {TypeError} if inputs or outputs have different element types
 * @throws {RangeError} if an input or output is not `[1, C, 1, S]`, outputs have different S, or `align` makes no
 * sense
 */
export function pack(program: Program, options: PackOptions): { program: Program; layout: PackLayout } {
  const func = functionOf(program)
  const { align = 1, maxColumns, names = {} } = options
  if (!Number.isInteger(align) || align < 1) {
    throw new RangeError(`Expected a positive integer for align, got ${align}.`)
  }
  for (const name of options.weights) {
    if (!func.inputs.some((value) => value.name === name)) {
      throw new RangeError(`Expected an input of ${func.name} for weights, got ${name}.`)
    }
  }
  const dtype = commonType(func.inputs, 'inputs')
  const weights = new Set(options.weights)
  const candidates = func.inputs.map((value): PackCandidate => {
    const [rows, cols] = matrixOf(value)
    return { name: value.name, rows, cols, weight: weights.has(value.name) }
  })
  const placed = bestPlacement(candidates, align, maxColumns)
  const { channels, columns } = placed

  const b = createBuilder({ opset: func.opset, name: func.name })
  b.reserve(valuesByName(func).keys())
  const surface = b.input(b.freeName(names.input ?? 'packed'), dtype, [1, channels, 1, columns])
  const restored = new Map(func.inputs.map((value) => [value, restore(b, surface, value, placed.inputs[value.name])]))
  for (const operation of func.operations) b.append(mapUses(operation, (value) => restored.get(value) ?? value))
  const outputs = joinOutputs(b, func, restored, names.output ?? 'packed_output')
  const packed: Func = {
    ...func,
    inputs: b.function.inputs,
    operations: b.function.operations,
    outputs: [outputs.value],
  }
  const layout: PackLayout = {
    input: { name: surface.name, channels, columns },
    output: outputs.surface,
    inputs: placed.inputs,
    outputs: outputs.parts,
  }
  return { program: { ...program, functions: [packed] }, layout }
}

function restore(b: Builder, surface: Value, input: Value, placed: PackedInput): Value {
  const { rows, cols, pieces, transposed } = placed
  const { name } = input
  const slices = pieces.map((piece, i) => {
    const begin = [0, piece.channel, 0, piece.column]
    const label = pieces.length > 1 ? `${name}_piece_${i}` : `${name}_piece`
    return b.sliceBySize({ x: surface, begin, size: [1, piece.rows, 1, cols] }, label)
  })
  const whole =
    slices.length > 1 ? b.concat({ values: slices, axis: 1, interleave: false }, `${name}_stored`) : slices[0]
  if (!transposed) return whole
  // With one row or one column the order of the elements is the same either way.
  const shape = shapeOf(input)
  if (rows === 1 || cols === 1) return b.reshape({ x: whole, shape }, `${name}_unpacked`)
  const matrix = b.reshape({ x: whole, shape: [1, 1, rows, cols] }, `${name}_matrix`)
  return b.reshape({ x: b.transpose({ x: matrix, perm: [0, 1, 3, 2] }, `${name}_straight`), shape }, `${name}_unpacked`)
}

interface JoinedOutputs {
  value: Value
  surface: PackLayout['output']
  parts: Record<string, { channel: number; channels: number }>
}

function joinOutputs(b: Builder, func: Func, restored: ReadonlyMap<Value, Value>, name: string): JoinedOutputs {
  commonType(func.outputs, 'outputs')
  const parts: JoinedOutputs['parts'] = {}
  const columns = matrixOf(func.outputs[0])[1]
  let channel = 0
  for (const value of func.outputs) {
    const [channels, own] = matrixOf(value)
    if (own !== columns) {
      throw new RangeError(
        `Expected ${columns} columns (those of ${func.outputs[0].name}) for ${value.name}, got ${own}.`,
      )
    }
    parts[value.name] = { channel, channels }
    channel += channels
  }
  const values = func.outputs.map((value) => restored.get(value) ?? value)
  const value = values.length > 1 ? b.concat({ values, axis: 1, interleave: false }, b.freeName(name)) : values[0]
  return { value, surface: { name: value.name, channels: channel, columns }, parts }
}

function commonType(values: readonly Value[], what: string): TensorType['dtype'] {
  const [first] = values
  if (!first) throw new RangeError(`Expected at least one value for ${what}, got none.`)
  const { dtype } = first.type as TensorType
  for (const { name, type } of values) {
    const own = (type as TensorType).dtype
    if (own !== dtype) throw new TypeError(`Expected ${dtype} (the type of ${first.name}) for ${name}, got ${own}.`)
  }
  return dtype
}

function matrixOf(value: Value): [number, number] {
  const shape = shapeOf(value)
  if (shape.length !== 4 || shape[0] !== 1 || shape[2] !== 1) {
    throw new RangeError(`Expected the shape [1, C, 1, S] for ${value.name}, got [${shape.join(', ')}].`)
  }
  return [shape[1], shape[3]]
}
