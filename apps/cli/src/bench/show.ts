/** A benchmark's result for people. */
import { formatBytes, formatCount } from '@ane/telemetry'
import { print, printFacts, printTable } from '../terminal/output.js'
import { bytesMoved, shareOfLimit } from './limits.js'
import { summarize } from './machine.js'
import type { BenchResult, Limits, Measurement } from './result.js'

const digits: Record<Measurement['unit'], (value: number) => string> = {
  ms: (value) => value.toFixed(3),
  'FLOP/s': (value) => `${formatCount(value)}FLOP/s`,
  'OP/s': (value) => `${formatCount(value)}OP/s`,
  'B/s': (value) => `${formatCount(value)}B/s`,
  B: formatBytes,
}

/** A value with its unit. */
export const shown = (value: number, unit: Measurement['unit']): string =>
  unit === 'ms' ? `${digits.ms(value)} ms` : digits[unit](value)

function limitFacts({ flops, read, copy }: Limits): [string, string][] {
  const range = (samples: readonly number[], unit: 'FLOP/s' | 'B/s') => {
    const { median, least, most } = summarize(samples)
    return `${digits[unit](median)} (${digits[unit](least)} to ${digits[unit](most)})`
  }
  return [
    ...(flops
      ? [['peak', `${range(flops.samples, 'FLOP/s')} of ${flops.dtype} multiply-adds`] as [string, string]]
      : []),
    ...(read ? [['memory reads', range(read, 'B/s')] as [string, string]] : []),
    ...(copy ? [['memory copies', `${range(copy, 'B/s')}, read plus written`] as [string, string]] : []),
  ]
}

/** What is shown of a measurement by column; empty where it does not apply. */
export function cellsOf(measurement: Measurement, limits: Limits): Record<string, string> {
  const { name, unit, samples, flops, tokens, per_step } = measurement
  const { median, least, most } = summarize(samples)
  const rate = (work: number | undefined, scale: number, places: number) =>
    work === undefined || median === 0 ? '' : ((work * 1000) / median / scale).toFixed(places)
  const share = shareOfLimit(measurement, limits)
  return {
    measured: name,
    'per step': per_step === undefined ? '' : String(per_step),
    median: shown(median, unit),
    least: digits[unit](least),
    most: digits[unit](most),
    'GFLOP/s': rate(flops, 1e9, 1),
    'GB/s': rate(bytesMoved(measurement), 1e9, 1),
    'tok/s': rate(tokens, 1, 1),
    'of limit': share === undefined ? '' : `${(100 * share).toFixed(1)}%`,
  }
}

/** Prints machine, limits, the benchmark's own facts and a row for every measurement. */
export function showResult(result: BenchResult, facts: readonly (readonly [string, string])[]): void {
  const { machine, device, limits, measurements } = result
  printFacts([
    ['machine', `${machine.cpu}, ${machine.cores} cores, ${formatBytes(machine.memory_bytes)}, ${machine.isas[0]}`],
    ['software', `commit ${machine.commit?.slice(0, 10) ?? 'unknown'}, Node ${machine.node}, ${machine.platform}`],
    ['device', device.summary],
    ...limitFacts(limits),
    ...facts,
  ])
  print()
  const rows = measurements.map((measurement) => cellsOf(measurement, limits))
  const used = Object.keys(rows[0]).filter((column) => rows.some((row) => row[column] !== ''))
  printTable(rows.map((row) => Object.fromEntries(used.map((column) => [column, row[column]]))))
}
