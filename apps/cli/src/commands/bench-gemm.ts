import { type MathMode, openDevice } from '@ane/runtime'
import { formatCount } from '@ane/telemetry'
import { LimitSamples } from '../bench/limits.js'
import { machine } from '../bench/machine.js'
import type { Findings, Measurement } from '../bench/result.js'
import { runBench } from '../bench/run.js'
import { matrixShapes, recordProducts, timeProduct } from '../bench/weight-products.js'
import { asUsage } from '../exit.js'
import type { OutputFlags } from '../options/bench-options.js'
import { presetFlag } from '../options/preset.js'

interface BenchGemmFlags extends OutputFlags {
  readonly model: string
  readonly seqLen: number
  readonly rounds: number
  readonly math?: MathMode
  readonly threads?: number
}

/**
 * `ane bench gemm`: every product with a weight matrix of a training step, packing included, beside the processor's
 * multiply-add peak. The peak is measured before every round and after the last.
 */
export async function benchGemm(flags: BenchGemmFlags): Promise<void> {
  const { model, seqLen, rounds, math = 'exact' } = flags
  const config = presetFlag('--model', model)
  const threads = flags.threads ?? machine().cores
  const measure = async (): Promise<Findings> => {
    const device = await asUsage(() => openDevice('cpu', { threads, math }))
    const products = matrixShapes(config).flatMap((shape) => recordProducts(device, shape, seqLen))
    for (const product of products) await timeProduct(product)
    const limits = new LimitSamples({ flops: device.description.arithmetic ?? 'fp32' }, threads)
    const times = products.map((): number[] => [])
    const steps: number[] = []
    await limits.take()
    for (let round = 0; round < rounds; round++) {
      for (const [i, product] of products.entries()) times[i].push(await timeProduct(product))
      steps.push(products.reduce((sum, { weight }, i) => sum + weight.count * times[i][round], 0))
      await limits.take()
    }
    const { kind, summary } = device.description
    device.dispose()
    const flopsPerStep = products.reduce((sum, { weight, flops }) => sum + weight.count * flops, 0)
    const measurements = products.map(
      ({ weight, kind: product, flops }, i): Measurement => ({
        name: `${product} ${weight.out}×${weight.in}${weight.classifier ? ' classifier' : ''}`,
        unit: 'ms',
        samples: times[i],
        flops,
        per_step: weight.count,
      }),
    )
    return {
      device: { kind, summary: `${summary}, ${math} math` },
      limits: limits.values,
      facts: { flops_per_step: flopsPerStep },
      measurements: [...measurements, { name: 'whole step', unit: 'ms', samples: steps, flops: flopsPerStep }],
    }
  }
  await runBench(
    {
      bench: 'gemm',
      settings: { model, seq_len: seqLen, math, threads },
      measure,
      describe: ({ facts }) => [
        ['model', `${model}, ${seqLen} columns, ${formatCount(facts.flops_per_step)}FLOP a step`],
      ],
    },
    flags,
  )
}
