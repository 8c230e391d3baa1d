import { writeFileSync } from 'node:fs'
import type { OutputFlags } from '../options/bench-options.js'
import { checkOutputFile } from '../output-file.js'
import { print, printJson, printTable, style } from '../terminal/output.js'
import { type Comparison, compare, readBaseline } from './baseline.js'
import { machine } from './machine.js'
import type { BenchResult, Findings } from './result.js'
import { shown, showResult } from './show.js'

/** One benchmark with its settings, ready to run. */
export interface Bench {
  readonly bench: BenchResult['bench']
  /** Everything that changes what is measured; baselines with other settings are refused. */
  readonly settings: BenchResult['settings']
  measure(): Promise<Findings>
  /** Lines for people, beside machine and limits. */
  describe(result: BenchResult): (readonly [string, string])[]
}

/** Runs a benchmark; prints, saves and compares its result as the flags ask. @throws {UsageError} before anything is measured */
export async function runBench({ bench, settings, measure, describe }: Bench, flags: OutputFlags): Promise<void> {
  const here = machine()
  if (flags.save !== undefined) checkOutputFile('--save', flags.save)
  const expected = { bench, settings: { ...settings, isa: here.isas[0] }, machine: here }
  const baseline = flags.compare === undefined ? undefined : readBaseline(flags.compare, expected)
  const result: BenchResult = {
    schema: 'ane-bench',
    schema_version: 1,
    bench,
    settings: expected.settings,
    machine: { ...here, isas: [...here.isas] },
    ...(await measure()),
  }
  const comparison = baseline && compare(baseline, result)
  if (flags.json) printJson({ ...result, ...(comparison && { comparison }) })
  else {
    showResult(result, describe(result))
    if (comparison) showComparison(comparison)
  }
  for (const { name, ratio } of (comparison ?? []).filter(({ slower }) => slower))
    process.stderr.write(`${style('yellow', 'warning:')} ${name}: ${ratio.toFixed(2)} times the baseline.\n`)
  if (flags.save !== undefined) save(flags.save, result)
}

/** Last, so that nothing measured is lost. */
function save(path: string, result: BenchResult): void {
  try {
    writeFileSync(path, `${JSON.stringify(result)}\n`)
  } catch (cause) {
    throw new Error(`Could not write ${path}: ${(cause as Error).message}.`, { cause })
  }
}

function showComparison(comparison: readonly Comparison[]): void {
  print()
  printTable(
    comparison.map(({ name, unit, baseline, now, ratio }) => ({
      measured: name,
      baseline: shown(baseline, unit),
      now: shown(now, unit),
      ratio: ratio.toFixed(3),
    })),
  )
}
