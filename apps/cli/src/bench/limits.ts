import { type Arithmetic, measureMemoryBandwidth, measurePeakFlops } from '@ane/runtime'
import { asUsage } from '../exit.js'
import { summarize } from './machine.js'
import type { Limits, Measurement } from './result.js'

/** Samples of what bounds a benchmark, taken between its rounds. */
export class LimitSamples {
  readonly #flops: number[] = []
  readonly #read: number[] = []
  readonly #copy: number[] = []

  /** @param bounds what the benchmark can run into: multiply-adds of a type, memory */
  constructor(
    private readonly bounds: { readonly flops?: Arithmetic; readonly memory?: boolean },
    private readonly threads: number,
  ) {}

  /** Takes one sample of each. @throws {UsageError} if this machine has fewer threads */
  async take(): Promise<void> {
    const { threads } = this
    const { flops: factors } = this.bounds
    const peak = factors && (await asUsage(() => measurePeakFlops({ threads, factors })))
    if (peak) this.#flops.push(peak)
    if (!this.bounds.memory) return
    const { read, copy } = await asUsage(() => measureMemoryBandwidth({ threads }))
    this.#read.push(read)
    this.#copy.push(copy)
  }

  get values(): Limits {
    const { flops, memory } = this.bounds
    return {
      ...(flops && { flops: { dtype: flops, samples: this.#flops } }),
      ...(memory && { read: this.#read, copy: this.#copy }),
    }
  }
}

/**
 * The highest share, from 0, of any limit that a measurement of times reaches; `undefined` without work or limits. What
 * only reads is held against reading, what also writes against copying.
 */
export function shareOfLimit(measurement: Measurement, limits: Limits): number | undefined {
  const { unit, samples, flops, writes } = measurement
  if (unit !== 'ms') return undefined
  const seconds = summarize(samples).median / 1000
  const share = (work: number | undefined, rates: readonly number[] | undefined) =>
    work === undefined || rates === undefined ? [] : [work / summarize(rates).median / seconds]
  const shares = [
    ...share(flops, limits.flops?.samples),
    ...share(bytesMoved(measurement), writes === undefined ? limits.read : limits.copy),
  ]
  return shares.length === 0 ? undefined : Math.max(...shares)
}

/** Bytes read and written by one sample; `undefined` where nobody counted. */
export const bytesMoved = ({ reads, writes }: Measurement): number | undefined =>
  reads === undefined && writes === undefined ? undefined : (reads ?? 0) + (writes ?? 0)
