import { measureMemoryBandwidth, measurePeakFlops, type PeakFactors } from '@ane/runtime'
import { INT8_PRODUCT, measureInt8Product } from '../bench/int8-product.js'
import { machine } from '../bench/machine.js'
import type { Findings, Measurement } from '../bench/result.js'
import { runBench } from '../bench/run.js'
import { asUsage } from '../exit.js'
import type { OutputFlags } from '../options/bench-options.js'

interface BenchPeakFlags extends OutputFlags {
  readonly rounds: number
  readonly threads?: number
}

/** `ane bench peak`: multiply-adds of every type the processor has, in registers, a product of int8 as programs have it, and
 * bytes of memory per second, on one thread and on all. */
export async function benchPeak(flags: BenchPeakFlags): Promise<void> {
  const threads = flags.threads ?? machine().cores
  await runBench(
    {
      bench: 'peak',
      settings: { threads },
      measure: () => asUsage(() => measurePeaks(threads, flags.rounds)),
      describe: () => [],
    },
    flags,
  )
}

async function measurePeaks(threads: number, rounds: number): Promise<Findings> {
  const types: PeakFactors[] = []
  for (const factors of ['fp32', 'bf16', 'int8'] as const) {
    if ((await measurePeakFlops({ factors, threads: 1, milliseconds: 1 })) !== null) types.push(factors)
  }
  const counts = [...new Set([1, threads])]
  const measurements = counts.flatMap((count) => {
    const on = count === 1 ? '1 thread' : `${count} threads`
    const empty = (name: string, unit: Measurement['unit']) => ({
      name: `${name}, ${on}`,
      unit,
      samples: [] as number[],
    })
    return [
      ...types.map((factors) => empty(`${factors} multiply-adds`, 'FLOP/s')),
      empty(INT8_PRODUCT, 'FLOP/s'),
      empty('memory reads', 'B/s'),
      empty('memory copies', 'B/s'),
    ]
  })
  for (let round = 0; round < rounds; round++) {
    const taken: number[] = []
    for (const count of counts) {
      for (const factors of types) taken.push((await measurePeakFlops({ threads: count, factors })) ?? 0)
      taken.push(await measureInt8Product(count))
      const { read, copy } = await measureMemoryBandwidth({ threads: count })
      taken.push(read, copy)
    }
    for (const [i, value] of taken.entries()) measurements[i].samples.push(value)
  }
  return { device: { kind: 'cpu', summary: 'the processor and its memory' }, limits: {}, facts: {}, measurements }
}
