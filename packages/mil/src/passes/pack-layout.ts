/** Where each input lies on a packed surface, and the reference staging of it. */

import type { Tensor } from '../tensor.js'

/** Part of an input: surface rows 0 … rows − 1 from `column` hold its stored rows from `row0`. */
export interface PackedPiece {
  readonly row0: number
  readonly rows: number
  readonly column: number
}

/** One input on the packed surface, as a matrix. */
export interface PackedInput {
  /** Size of the matrix as stored. */
  readonly rows: number
  readonly cols: number
  readonly pieces: readonly PackedPiece[]
  /** The matrix is stored `[in, out]` instead of `[out, in]`. */
  readonly transposed: boolean
}

/** The two surfaces of a packed program. */
export interface PackLayout {
  /** `[1, channels, 1, columns]`. */
  readonly input: { readonly name: string; readonly channels: number; readonly columns: number }
  readonly output: { readonly name: string; readonly channels: number; readonly columns: number }
  readonly inputs: Readonly<Record<string, PackedInput>>
  /** Channels of each original output in the concatenated one. */
  readonly outputs: Readonly<Record<string, { readonly channel: number; readonly channels: number }>>
}

/** An input that is to be packed. */
export interface PackCandidate {
  readonly name: string
  readonly rows: number
  readonly cols: number
  /** May be stored transposed. */
  readonly weight: boolean
}

/** Numbers of blocks an input may be folded into. */
const DIVISIONS = [1, 2, 3, 4, 6, 8, 12, 16]
const TOLERATED_WASTE = 0.05

/** Places inputs in order for surfaces of `channels` rows; each piece starts at a multiple of `align`. */
export function placeInputs(
  candidates: readonly PackCandidate[],
  channels: number,
  align: number,
): { inputs: Record<string, PackedInput>; columns: number } {
  const inputs: Record<string, PackedInput> = {}
  let column = 0
  for (const { name, rows, cols, weight } of candidates) {
    const transposed = weight && usedColumns(cols, rows, channels, align) < usedColumns(rows, cols, channels, align)
    const [height, width] = transposed ? [cols, rows] : [rows, cols]
    const pieces: PackedPiece[] = []
    for (let row0 = 0; row0 < height; row0 += channels) {
      pieces.push({ row0, rows: Math.min(channels, height - row0), column })
      column += roundUp(width, align)
    }
    inputs[name] = { rows: height, cols: width, pieces, transposed }
  }
  return { inputs, columns: column }
}

/**
 * The number of channels whose surface has the fewest pieces, of those at most 5 % larger than the smallest.
 *
 * The very smallest alone would be a surface of one row, which wastes nothing and cuts every input into rows.
 *
 * @throws {RangeError} if every surface would be wider than `maxColumns`
 */
export function bestChannels(
  candidates: readonly PackCandidate[],
  align: number,
  maxColumns = Number.POSITIVE_INFINITY,
): number {
  const sides = candidates.flatMap(({ rows, cols, weight }) => (weight ? [rows, cols] : [rows]))
  const choices = new Set(sides.flatMap((side) => DIVISIONS.map((parts) => Math.ceil(side / parts))))
  const all = [...choices].map((channels) => {
    const { inputs, columns } = placeInputs(candidates, channels, align)
    const pieces = Object.values(inputs).reduce((total, input) => total + input.pieces.length, 0)
    const width = roundUp(columns, align)
    return { channels, pieces, width, size: channels * width }
  })
  const layouts = all.filter(({ width }) => width <= maxColumns)
  if (layouts.length === 0) {
    const narrowest = Math.min(...all.map(({ width }) => width))
    throw new RangeError(`Expected inputs that fit into ${maxColumns} columns, got ones that need ${narrowest}.`)
  }
  const smallest = Math.min(...layouts.map(({ size }) => size))
  const [best] = layouts
    .filter(({ size }) => size <= smallest * (1 + TOLERATED_WASTE))
    .sort((a, b) => a.pieces - b.pieces || a.size - b.size || b.channels - a.channels)
  return best.channels
}

/**
 * Stages tensors onto the packed surface; elements no input covers are 0.
 *
 * @returns `[1, channels, 1, columns]`
 * @throws {RangeError} if a tensor is missing or has another number of elements
 */
export function packInputs(layout: PackLayout, tensors: Readonly<Record<string, Tensor>>): Tensor {
  const { channels, columns } = layout.input
  const data = new Float32Array(channels * columns)
  for (const [name, { rows, cols, pieces, transposed }] of Object.entries(layout.inputs)) {
    const source = tensors[name]?.data
    if (source?.length !== rows * cols) {
      throw new RangeError(`Expected ${rows * cols} elements for ${name}, got ${source?.length ?? 'none'}.`)
    }
    for (const piece of pieces) {
      for (let row = 0; row < piece.rows; row++) {
        for (let col = 0; col < cols; col++) {
          const stored = piece.row0 + row
          const value = source[transposed ? col * rows + stored : stored * cols + col]
          data[row * columns + piece.column + col] = Number(value)
        }
      }
    }
  }
  const { dtype } = Object.values(tensors)[0]
  return { dtype, shape: [1, channels, 1, columns], data }
}

/** Splits the concatenated output `[1, channels, 1, S]` into the original ones. */
export function unpackOutputs(layout: PackLayout, output: Tensor): Record<string, Tensor> {
  const { columns } = layout.output
  const entries = Object.entries(layout.outputs).map(([name, { channel, channels }]) => {
    const data = output.data.slice(channel * columns, (channel + channels) * columns)
    return [name, { dtype: output.dtype, shape: [1, channels, 1, columns], data }] as const
  })
  return Object.fromEntries(entries)
}

/** Columns a matrix takes when its rows are folded into blocks of `channels`. */
function usedColumns(rows: number, cols: number, channels: number, align: number): number {
  return Math.ceil(rows / channels) * roundUp(cols, align)
}

/** The next multiple of `step`. */
export function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step
}
