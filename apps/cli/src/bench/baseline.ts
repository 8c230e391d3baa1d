/** Saved results, to see what a change made faster or slower. */
import { UsageError } from '../exit.js'
import { readJson } from '../report/submissions.js'
import { type Machine, summarize } from './machine.js'
import { type BenchResult, benchFile, type Measurement } from './result.js'

/** More than this much slower is worth a warning. */
const TOLERANCE = 0.1

/** One measurement of both runs. */
export interface Comparison {
  readonly name: string
  readonly unit: Measurement['unit']
  /** Medians. */
  readonly baseline: number
  readonly now: number
  /** How many times as long, or as much memory, as the baseline: above 1 is worse. */
  readonly ratio: number
  readonly slower: boolean
}

/**
 * Reads a baseline.
 *
 * @throws {UsageError} if it cannot be read, or is of another benchmark, machine or settings
 */
export function readBaseline(
  path: string,
  expected: { readonly bench: string; readonly settings: BenchResult['settings']; readonly machine: Machine },
): BenchResult {
  const { success, data, error } = benchFile.safeParse(readJson(path))
  if (!success) {
    const { path: at, message } = error.issues[0]
    throw new UsageError(
      `Expected a result of ane bench ${expected.bench} in ${path}, got a wrong ${at.join('.') || 'value'}: ${message}. Save one with --save.`,
    )
  }
  if (data.bench !== expected.bench)
    throw new UsageError(`Expected a result of ane bench ${expected.bench} in ${path}, got one of ${data.bench}.`)
  const describe = ({ cpu, cores, platform }: Pick<Machine, 'cpu' | 'cores' | 'platform'>) =>
    `${cpu}, ${cores} cores, ${platform}`
  if (describe(data.machine) !== describe(expected.machine))
    throw new UsageError(
      `Expected a baseline of this machine (${describe(expected.machine)}) in ${path}, got one of ${describe(data.machine)}. Save one here with --save.`,
    )
  const names = new Set([...Object.keys(expected.settings), ...Object.keys(data.settings)])
  for (const name of names) {
    const [wanted, got] = [expected.settings[name], data.settings[name]]
    if (wanted !== got)
      throw new UsageError(
        `Expected a baseline with ${name} ${wanted ?? 'not set'} in ${path}, got ${got ?? 'none'}. Run with the same settings.`,
      )
  }
  return data
}

/** Compares what both runs measured under the same names. */
export function compare(baseline: BenchResult, now: BenchResult): Comparison[] {
  const before = new Map(baseline.measurements.map((one) => [one.name, one]))
  return now.measurements.flatMap(({ name, unit, samples }) => {
    const old = before.get(name)
    if (old?.unit !== unit) return []
    const [was, is] = [summarize(old.samples).median, summarize(samples).median]
    const ratio = unit.endsWith('/s') ? was / is : is / was
    return [{ name, unit, baseline: was, now: is, ratio, slower: ratio > 1 + TOLERANCE }]
  })
}
