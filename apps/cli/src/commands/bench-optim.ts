import { parameterCount } from '@ane/models'
import { type MathMode, openDevice } from '@ane/runtime'
import { formatCount } from '@ane/telemetry'
import { madeUpBatches } from '../bench/batches.js'
import { LimitSamples } from '../bench/limits.js'
import { machine } from '../bench/machine.js'
import type { Findings } from '../bench/result.js'
import { runBench } from '../bench/run.js'
import { createStep, timeUpdate } from '../bench/training.js'
import { asUsage } from '../exit.js'
import { expectMemoryFor } from '../memory.js'
import type { OutputFlags } from '../options/bench-options.js'
import { presetFlag } from '../options/preset.js'

interface BenchOptimFlags extends OutputFlags {
  readonly model: string
  readonly rounds: number
  readonly math?: MathMode
  readonly threads?: number
}

/** Bytes of a weight that an update moves: master and two moments both ways, the gradient in, the fp16 copy out. */
const [UPDATE_READS, UPDATE_WRITES] = [3 * 4 + 4, 3 * 4 + 2]

/** `ane bench optim`: the gradients' norm from the squares that come with them, then AdamW with clipping and staged fp16 copies, over every weight of a model. */
export async function benchOptim(flags: BenchOptimFlags): Promise<void> {
  const { model, rounds, math = 'exact' } = flags
  const config = presetFlag('--model', model)
  const threads = flags.threads ?? machine().cores
  const count = parameterCount(config)
  expectMemoryFor(config, { batchSize: 1, seqLen: 1, dtype: 'fp16' })
  const measure = async (): Promise<Findings> => {
    const device = await asUsage(() => openDevice('cpu', { threads, math }))
    const step = await createStep(device, { config, batchSize: 1, seqLen: 1 })
    const batches = madeUpBatches(config.vocab_size)
    const limits = new LimitSamples({ memory: true }, threads)
    const [norms, updates]: number[][] = [[], []]
    for (let round = -1; round < rounds; round++) {
      batches(step, round + 1)
      await step.forwardBackward()
      if (round >= 0) await limits.take()
      const { norm, update } = await timeUpdate(step, round + 1)
      if (round < 0) continue
      norms.push(norm)
      updates.push(update)
    }
    const { kind, summary } = device.description
    step.dispose()
    device.dispose()
    const writes = UPDATE_WRITES * count
    const both = norms.map((norm, i) => norm + updates[i])
    return {
      device: { kind, summary },
      limits: limits.values,
      facts: { parameters: count },
      measurements: [
        { name: 'norm and update', unit: 'ms', samples: both, reads: UPDATE_READS * count, writes },
        { name: 'gradient norm', unit: 'ms', samples: norms },
        { name: 'update', unit: 'ms', samples: updates, reads: UPDATE_READS * count, writes },
      ],
    }
  }
  await runBench(
    {
      bench: 'optim',
      settings: { model, math, threads },
      measure,
      describe: () => [['model', `${model}, ${formatCount(count)} parameters`]],
    },
    flags,
  )
}
