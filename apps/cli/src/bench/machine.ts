import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadAddon } from '@ane/runtime'
import { machineMemory } from '../memory.js'

/** What a benchmark ran on. */
export interface Machine {
  readonly cpu: string
  /** That this process may use: affinity and container limits considered. */
  readonly cores: number
  /** Instruction sets of the CPU engine, the one in use first. */
  readonly isas: readonly string[]
  /** Of the machine, or of the container where that is less. */
  readonly memory_bytes: number
  readonly platform: string
  readonly node: string
  /** Commit of this program's checkout; `null` outside of one. */
  readonly commit: string | null
}

/** @throws {AneError} if the addon does not load */
export function machine(): Machine {
  const { isas, availableCores } = loadAddon().processor()
  const forced = isas.filter((isa) => isa === process.env.ANE_ISA)
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: availableCores,
    isas: [...forced, ...isas.filter((isa) => !forced.includes(isa))],
    memory_bytes: machineMemory(),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    commit: checkoutCommit(),
  }
}

/** Commit of this program's checkout; `null` when it is installed from a package, or where there is no git. */
export function checkoutCommit(): string | null {
  try {
    const cwd = dirname(fileURLToPath(import.meta.url))
    return execFileSync('git', ['rev-parse', 'HEAD'], { cwd, encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return null
  }
}

/** Change from one sample to the next along the line that fits best; 0 for a single sample. */
export function slope(samples: ArrayLike<number>): number {
  const middle = (samples.length - 1) / 2
  let [rise, run] = [0, 0]
  for (let i = 0; i < samples.length; i++) {
    rise += (i - middle) * samples[i]
    run += (i - middle) ** 2
  }
  return run === 0 ? 0 : rise / run
}

/** Median and range of samples. */
export function summarize(samples: readonly number[]): { median: number; least: number; most: number } {
  const sorted = [...samples].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  return { median, least: sorted[0], most: sorted[sorted.length - 1] }
}
