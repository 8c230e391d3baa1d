import { measureMemoryBandwidth, measurePeakFlops } from '@ane/runtime'
import { asUsage } from '../exit.js'
import { summarize } from './machine.js'
import type { Limits, Measurement } from './result.js'

/** Samples of what bounds a benchmark, taken between its rounds. */
export class LimitSamples {
  readonly #flops: number[] = []
  readonly #read: number[] = []
  readonly #copy: number[] = []

  /** @param bounds what the benchmark can run into */
  constructor(
    private readonly bounds: { readonly flops?: boolean; readonly memory?: boolean },
    private readonly threads: number,
  ) {}

  /** Takes one sample of each. @throws {UsageError} if this machine has fewer threads */
  async take(): Promise<void> {
    const { threads } = this
    if (this.bounds.flops) this.#flops.push(await asUsage(() => measurePeakFlops({ threads })))
    if (!this.bounds.memory) return
    const { read, copy } = await asUsage(() => measureMemoryBandwidth({ threads }))
    this.#read.push(read)
    this.#copy.push(copy)
  }

  get values(): Limits {
    const { flops, memory } = this.bounds
    return {
      ...(flops && { flops: { dtype: 'fp32', samples: this.#flops } }),
      ...(memory && { read: this.#read, copy: this.#copy }),
    }
  }
}

/** The highest share, from 0, of any limit that a measurement of times reaches; `undefined` without work or limits. */
export function shareOfLimit({ unit, samples, flops, bytes }: Measurement, limits: Limits): number | undefined {
  if (unit !== 'ms') return undefined
  const seconds = summarize(samples).median / 1000
  const bandwidth = Math.max(...[limits.read, limits.copy].map((rates) => (rates ? summarize(rates).median : 0)))
  const shares = [
    flops !== undefined && limits.flops ? flops / summarize(limits.flops.samples).median / seconds : 0,
    bytes !== undefined && bandwidth > 0 ? bytes / bandwidth / seconds : 0,
  ]
  const most = Math.max(...shares)
  return most > 0 ? most : undefined
}
