import { availableParallelism, cpus, totalmem } from 'node:os'

/** What a benchmark ran on. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memory_bytes: number
  readonly platform: string
  readonly node: string
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: availableParallelism(),
    memory_bytes: totalmem(),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
  }
}

/** Median and range of samples. */
export function summarize(samples: readonly number[]): { median: number; least: number; most: number } {
  const sorted = [...samples].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  return { median, least: sorted[0], most: sorted[sorted.length - 1] }
}
