import { styleText } from 'node:util'
import { Table } from 'console-table-printer'

/** Whether people read this stream; decides colour and the live line. */
export const isInteractive = (): boolean => process.stdout.isTTY === true && process.env.CI === undefined

type Style = Parameters<typeof styleText>[0]

/** Styles text for a terminal; plain text elsewhere. */
export const style = (format: Style, text: string): string =>
  process.stdout.isTTY && process.env.NO_COLOR === undefined ? styleText(format, text) : text

export function print(line = ''): void {
  process.stdout.write(`${line}\n`)
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** `label  value` lines, values aligned. */
export function printFacts(facts: readonly (readonly [string, string])[]): void {
  const width = Math.max(...facts.map(([label]) => label.length))
  for (const [label, value] of facts) print(`  ${style('dim', label.padEnd(width))}  ${value}`)
}

/** A table with a header row; numbers are right-aligned. */
export function printTable(rows: readonly Readonly<Record<string, string | number>>[]): void {
  if (rows.length === 0) return
  const columns = Object.keys(rows[0]).map((name) => ({
    name,
    alignment: typeof rows[0][name] === 'number' ? ('right' as const) : ('left' as const),
  }))
  const table = new Table({ columns, shouldDisableColors: !process.stdout.isTTY || process.env.NO_COLOR !== undefined })
  for (const row of rows) table.addRow(row)
  print(table.render())
}
