import type { BenchResult } from '../bench/result.js'
import { cellsOf } from '../bench/show.js'

/** Every measurement of every benchmark, with the settings it was taken with. */
export function benchmarks(results: readonly BenchResult[]) {
  const rows = results.flatMap(({ bench, settings, machine, limits, measurements }) => {
    const { isa, threads, ...others } = settings
    const about = [`${threads} threads`, isa, ...Object.entries(others).map(([name, value]) => `${name} ${value}`)]
    return measurements.map((measurement) => [
      machine.cpu,
      `${bench}: ${about.join(', ')}`,
      ...Object.values(cellsOf(measurement, limits)),
    ])
  })
  const columns = ['measured', 'per step', 'median', 'least', 'most', 'GFLOP/s', 'GB/s', 'tok/s', 'of limit']
  return {
    name: 'benchmarks' as const,
    title: 'Benchmarks',
    note: 'Medians and ranges of ane bench; the last column is the share of what processor or memory reached in the same run.',
    columns: ['machine', 'benchmark', ...columns],
    rows,
  }
}
