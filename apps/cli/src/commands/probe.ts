import { AneError } from '@ane/runtime'
import { checkoutCommit, type Machine, machine } from '../bench/machine.js'
import { UsageError } from '../exit.js'
import { didYouMean } from '../options/table.js'
import { type ProbeContext, type ProbeFlags, probeContext } from '../probes/context.js'
import { probes } from '../probes/list.js'
import type { Cell, Probe, ProbeFinding } from '../probes/probe.js'
import { print, printFacts, printJson, printTable, style } from '../terminal/output.js'

/** One probe in a document. */
export interface ProbeResult extends ProbeFinding {
  readonly probe: string
  readonly question: string
}

/** What `ane probe --json` prints; docs/probe-schema.md describes it. */
export interface ProbeDocument {
  readonly schema: 'ane-probe'
  readonly schema_version: 1
  readonly chip: string
  readonly os: string
  /** Build of macOS; `null` where the system does not say. */
  readonly build: string | null
  /** Commit of this program's checkout; `null` outside of one. */
  readonly commit: string | null
  readonly device: { readonly kind: 'ane' | 'ane-sim'; readonly summary: string; readonly modelled: boolean }
  readonly machine: Machine
  readonly probes: readonly ProbeResult[]
}

/** `ane probe`: asks a Neural Engine, or its simulator, one question or all of them. */
export async function probe(name: string | undefined, flags: ProbeFlags): Promise<void> {
  if (name === undefined) return list(flags.json)
  const chosen = name === 'all' ? probes : probes.filter((candidate) => candidate.name === name)
  if (chosen.length === 0) {
    const hint = didYouMean(name, [...probes.map(({ name }) => name), 'all'])
    throw new UsageError(`Expected a probe or all, got ${name}.${hint || ' Run ane probe for the list.'}`)
  }
  const context = await probeContext(flags)
  const about = await describe(context)
  if (!flags.json) showAbout(about)
  const results: ProbeResult[] = []
  for (const one of chosen) {
    const finding = chosen.length === 1 ? await one.run(context) : await failureAsFinding(() => one.run(context))
    const result = { probe: one.name, question: one.question, ...finding }
    results.push(result)
    if (!flags.json) showResult(result)
  }
  if (flags.json) printJson({ ...about, probes: results } satisfies ProbeDocument)
}

/** What a device refuses ends one probe, not those after it. */
async function failureAsFinding(run: () => Promise<ProbeFinding>): Promise<ProbeFinding> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof AneError)) throw error
    const { code, message } = error
    return {
      columns: ['error', 'message'],
      rows: [[code, message]],
      samples: [],
      summary: { error_code: code },
      conclusion: `The probe failed: ${message}`,
    }
  }
}

function list(json: boolean | undefined): void {
  const rows = probes.map(({ name, question }: Probe) => ({ name, question }))
  if (json) printJson({ probes: rows })
  else
    printFacts([...rows.map(({ name, question }) => [name, question] as const), ['all', 'All of them, in this order.']])
}

async function describe(context: ProbeContext): Promise<Omit<ProbeDocument, 'probes'>> {
  const device = await context.open()
  const { kind, summary } = device.description
  const { build } = device.identity
  device.dispose()
  return {
    schema: 'ane-probe',
    schema_version: 1,
    chip: context.chip,
    os: context.os,
    build: build || null,
    commit: checkoutCommit(),
    device: { kind: kind as 'ane' | 'ane-sim', summary, modelled: context.modelled },
    machine: machine(),
  }
}

function showAbout({ device, build, commit }: Omit<ProbeDocument, 'probes'>): void {
  printFacts([
    ['device', device.summary],
    ['times', device.modelled ? 'modelled for the chip; by the clock where a column says so' : 'measured'],
    ['build', build ?? 'unknown'],
    ['commit', commit ?? 'unknown'],
  ])
}

const WIDEST = 90

function shown(cell: Cell): string | number {
  if (cell === null) return ''
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no'
  return typeof cell === 'string' && cell.length > WIDEST ? `${cell.slice(0, WIDEST - 1)}…` : cell
}

function showResult({ probe, question, columns, rows, conclusion }: ProbeResult): void {
  print()
  print(`${style('bold', probe)}: ${question}`)
  printTable(rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, shown(row[i])]))))
  print(conclusion)
}
