/** The operation table: every known MIL operation by name. */

import { activations } from './activation.js'
import { attention } from './attention.js'
import { joins } from './concat.js'
import { compressedWeights } from './constexpr.js'
import { convolutions } from './conv.js'
import { data } from './data.js'
import { einsums } from './einsum.js'
import { elementwiseBinary } from './elementwise-binary.js'
import { elementwiseUnary } from './elementwise-unary.js'
import { gathers } from './gather.js'
import { matmuls } from './matmul.js'
import { normalizations } from './normalization.js'
import { orderings } from './ordering.js'
import { pads } from './pad.js'
import { poolings } from './pool.js'
import { quantizations } from './quantization.js'
import { recurrents } from './recurrent.js'
import { reductions } from './reduction.js'
import type { OpRow } from './row.js'
import { scatters } from './scatter.js'
import { selections } from './selection.js'
import { shapes } from './shape.js'
import { slices } from './slice.js'

const rows: readonly OpRow[] = [
  ...data,
  ...elementwiseUnary,
  ...activations,
  ...elementwiseBinary,
  ...selections,
  ...reductions,
  ...matmuls,
  ...einsums,
  ...convolutions,
  ...poolings,
  ...attention,
  ...normalizations,
  ...shapes,
  ...slices,
  ...pads,
  ...joins,
  ...gathers,
  ...scatters,
  ...orderings,
  ...quantizations,
  ...compressedWeights,
  ...recurrents,
]

const table = new Map(rows.map((row) => [row.op, row]))

/** Returns the row of the MIL operation `name`, undefined if it is unknown. */
export function opRow(name: string): OpRow | undefined {
  return table.get(name)
}

/** Lists the known operations in table order. */
export function opNames(): string[] {
  return [...table.keys()]
}
