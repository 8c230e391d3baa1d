/** Where each input lies on a packed surface, and the reference staging of it. */

import type { Tensor } from '../tensor.js'

/** Part of an input: `rows` surface rows from `channel` on hold, from `column` on, its stored rows from `row0`. */
export interface PackedPiece {
  readonly row0: number
  readonly rows: number
  readonly channel: number
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

/** Where inputs lie on a surface `[1, channels, 1, columns]`. */
export interface Placement {
  readonly inputs: Readonly<Record<string, PackedInput>>
  readonly channels: number
  readonly columns: number
}

/** Places inputs in order into bands of `height` rows, one above the other; each piece starts at a multiple of `align`. */
function placeInputs(
  candidates: readonly PackCandidate[],
  height: number,
  align: number,
  maxColumns: number,
): Placement {
  const inputs: Record<string, PackedInput> = {}
  const fits = (width: number) => roundUp(width, align) <= maxColumns
  let [channel, column, columns] = [0, 0, 0]
  for (const { name, rows, cols, weight } of candidates) {
    const smaller = usedColumns(cols, rows, height, align) < usedColumns(rows, cols, height, align)
    const transposed = weight && (!fits(cols) || (smaller && fits(rows)))
    const [stored, width] = transposed ? [cols, rows] : [rows, cols]
    const pieces: PackedPiece[] = []
    for (let row0 = 0; row0 < stored; row0 += height) {
      if (column + roundUp(width, align) > maxColumns) [channel, column] = [channel + height, 0]
      pieces.push({ row0, rows: Math.min(height, stored - row0), channel, column })
      column += roundUp(width, align)
      columns = Math.max(columns, column)
    }
    inputs[name] = { rows: stored, cols: width, pieces, transposed }
  }
  return { inputs, channels: channel + height, columns }
}

/**
 * The placement with the fewest pieces, of those at most 5 % larger than the smallest; of one band if any fits.
 *
 * The very smallest alone would be a surface of one row, which wastes nothing and cuts every input into rows. An input
 * wider than `maxColumns` makes the surface as wide as it is.
 */
export function bestPlacement(
  candidates: readonly PackCandidate[],
  align: number,
  maxColumns = Number.POSITIVE_INFINITY,
): Placement {
  const widest = candidates.map(({ rows, cols, weight }) => roundUp(weight ? Math.min(rows, cols) : cols, align))
  const limit = Math.max(maxColumns, ...widest)
  const sides = candidates.flatMap(({ rows, cols, weight }) => (weight ? [rows, cols] : [rows]))
  const heights = new Set(sides.flatMap((side) => DIVISIONS.map((parts) => Math.ceil(side / parts))))
  const all = [...heights].map((height) => {
    const placement = placeInputs(candidates, height, align, limit)
    const pieces = Object.values(placement.inputs).reduce((total, input) => total + input.pieces.length, 0)
    const { channels, columns } = placement
    return { placement, bands: channels / height, pieces, size: channels * columns }
  })
  const single = all.filter(({ bands }) => bands === 1)
  const layouts = single.length > 0 ? single : all
  const smallest = Math.min(...layouts.map(({ size }) => size))
  const [best] = layouts
    .filter(({ size }) => size <= smallest * (1 + TOLERATED_WASTE))
    .sort((a, b) => a.pieces - b.pieces || a.size - b.size || b.placement.channels - a.placement.channels)
  return best.placement
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
          data[(piece.channel + row) * columns + piece.column + col] = Number(value)
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
