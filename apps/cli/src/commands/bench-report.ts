import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { barChart } from '../report/bar-chart.js'
import { readSubmissions } from '../report/submissions.js'
import { type ReportTable, reportTables } from '../report/tables.js'
import { print, printJson } from '../terminal/output.js'

/** `ane bench report`: joins submitted files into cross-chip tables, beside published figures. */
export async function benchReport(files: readonly string[], flags: { out?: string; json?: boolean }): Promise<void> {
  const tables = reportTables(readSubmissions(files))
  const written = flags.out === undefined ? [] : writeReport(tables, flags.out)
  if (flags.json) printJson({ tables, written })
  else if (flags.out === undefined) print(markdown(tables, false))
  else for (const file of written) print(file)
}

/** Writes `report.md` and a plot for each table that has one; returns their paths. */
function writeReport(tables: readonly ReportTable[], folder: string): string[] {
  mkdirSync(folder, { recursive: true })
  const plots = tables.flatMap(({ name, title, chart }) =>
    chart ? [{ file: join(folder, `${name}.svg`), text: barChart(title, chart.unit, chart.bars) }] : [],
  )
  const all = [{ file: join(folder, 'report.md'), text: `${markdown(tables, true)}\n` }, ...plots]
  for (const { file, text } of all) writeFileSync(file, text)
  return all.map(({ file }) => file)
}

function markdown(tables: readonly ReportTable[], plots: boolean): string {
  const parts = tables.map(({ name, title, note, columns, rows, chart }) => {
    const row = (cells: readonly (string | number)[]) => `| ${cells.map(escaped).join(' | ')} |`
    const table = [row(columns), row(columns.map(() => '---')), ...rows.map(row)].join('\n')
    const plot = plots && chart ? `![${title}](${name}.svg)\n\n` : ''
    return `## ${title}\n\n${note}\n\n${plot}${rows.length === 0 ? 'Nothing was submitted.' : table}`
  })
  return ['# Benchmark report', ...parts].join('\n\n')
}

const escaped = (cell: string | number) =>
  typeof cell === 'number' ? String(cell) : cell.replace(/[\\|]/g, '\\$&').replace(/\s*\n\s*/g, ' ')
