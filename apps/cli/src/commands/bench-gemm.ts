import { measurePeakFlops, openDevice } from '@ane/runtime'
import { formatCount } from '@ane/telemetry'
import { type Machine, machine, summarize } from '../bench/machine.js'
import { matrixShapes, recordProducts, timeProduct } from '../bench/weight-products.js'
import { asUsage } from '../exit.js'
import { integerFlag } from '../options/numbers.js'
import { presetFlag } from '../options/preset.js'
import { print, printFacts, printJson, printTable } from '../terminal/output.js'

interface BenchGemmFlags {
  model: string
  seqLen: string
  rounds: string
  threads?: string
  json?: boolean
}

interface ProductResult {
  readonly out: number
  readonly in: number
  readonly classifier: boolean
  readonly product: string
  readonly per_step: number
  readonly flops: number
  readonly ms: number[]
}

interface GemmResult {
  readonly model: string
  readonly seq_len: number
  readonly device: { readonly summary: string }
  readonly machine: Machine
  readonly flops_per_step: number
  /** One more than there are rounds. */
  readonly peak_flops: number[]
  readonly products: ProductResult[]
}

/**
 * `ane bench gemm`: every product with a weight matrix of a training step, packing included, beside the processor's fp32
 * multiply-add peak. The peak is measured before every round and after the last.
 */
export async function benchGemm(flags: BenchGemmFlags): Promise<void> {
  const config = presetFlag('--model', flags.model)
  const seqLen = integerFlag('--seq-len', flags.seqLen, 1)
  const rounds = integerFlag('--rounds', flags.rounds, 1)
  const threads = flags.threads === undefined ? undefined : integerFlag('--threads', flags.threads, 1)
  const device = await asUsage(() => openDevice('cpu', { threads }))
  const products = matrixShapes(config).flatMap((shape) => recordProducts(device, shape, seqLen))
  for (const product of products) await timeProduct(product)

  const times = products.map((): number[] => [])
  const peak = [await measurePeakFlops({ threads })]
  for (let round = 0; round < rounds; round++) {
    for (const [i, product] of products.entries()) times[i].push(await timeProduct(product))
    peak.push(await measurePeakFlops({ threads }))
  }
  const result: GemmResult = {
    model: flags.model,
    seq_len: seqLen,
    device: device.description,
    machine: machine(),
    flops_per_step: products.reduce((sum, { weight, flops }) => sum + weight.count * flops, 0),
    peak_flops: peak,
    products: products.map(({ weight, kind, flops }, i) => {
      const { count, ...shape } = weight
      return { ...shape, product: kind, per_step: count, flops, ms: times[i] }
    }),
  }
  device.dispose()
  if (flags.json) printJson(result)
  else showResult(result)
}

function showResult({ model, seq_len, device, machine, flops_per_step, peak_flops, products }: GemmResult): void {
  const peak = summarize(peak_flops)
  const row = (product: string, weight: string, perStep: number, flops: number, ms: readonly number[]) => {
    const { median, least, most } = summarize(ms)
    const rate = (flops * 1000) / median
    return {
      product,
      weight,
      'per step': perStep,
      'median ms': median.toFixed(3),
      min: least.toFixed(3),
      max: most.toFixed(3),
      'GFLOP/s': (rate / 1e9).toFixed(1),
      'of peak': `${((100 * rate) / peak.median).toFixed(1)}%`,
    }
  }
  const steps = peak_flops
    .slice(1)
    .map((_, round) => products.reduce((sum, { per_step, ms }) => sum + per_step * ms[round], 0))
  printFacts([
    ['machine', `${machine.cpu}, ${machine.cores} cores`],
    ['device', device.summary],
    ['model', `${model}, ${seq_len} columns, ${formatCount(flops_per_step)}FLOP a step`],
    [
      'peak',
      `${formatCount(peak.median)}FLOP/s fp32 multiply-add (${formatCount(peak.least)} to ${formatCount(peak.most)})`,
    ],
  ])
  print()
  printTable([
    ...products.map((p) =>
      row(p.product, `${p.out} × ${p.in}${p.classifier ? ' classifier' : ''}`, p.per_step, p.flops, p.ms),
    ),
    row('whole step', 'all', 1, flops_per_step, steps),
  ])
}
