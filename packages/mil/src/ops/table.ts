/** The operation table: every known MIL operation by name. */

import type { OpRow } from './row.js'

const rows: readonly OpRow[] = []

const table = new Map(rows.map((row) => [row.op, row]))

/** Returns the row of the MIL operation `name`, undefined if it is unknown. */
export function opRow(name: string): OpRow | undefined {
  return table.get(name)
}

/** Lists the known operations in table order. */
export function opNames(): string[] {
  return [...table.keys()]
}
