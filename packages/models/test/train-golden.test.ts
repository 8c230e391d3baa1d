import { describe, expect, it } from 'vitest'
import { cosine, largestError, relativeL2 } from '../../../test/shared/errors.js'
import { hasShared } from '../../../test/shared/folder.js'
import { type MathMode, mathModes, trainingTolerance } from '../../../test/shared/tolerances.js'
import {
  createTrainStep,
  type HostOp,
  type LayersPerProgram,
  type ModelDtype,
  type WeightBinding,
} from '../src/index.js'
import { deviceIfAny } from './devices.js'
import { goldenModel } from './golden-model.js'

interface Case {
  device: 'cpu' | 'reference' | 'ane-sim'
  math?: MathMode
  threads?: number
  /** Of the simulator. */
  chip?: string
  model: string
  binding: WeightBinding
  layersPerProgram: LayersPerProgram
  dtype: ModelDtype
  hostOps?: HostOp[]
}

const models = [
  'mha64',
  'odd60',
  'seq17_mqa',
  'noclip_small',
  'gqa_qknorm_tied',
  'gqa_qknorm_untied',
  'qwen3_shape',
  'stories260K',
]

const cpuCases = models.flatMap((model, i): Case[] => {
  const common = { device: 'cpu', model } as const
  const baked: Case = { ...common, threads: 2, binding: 'baked', layersPerProgram: 1, dtype: 'fp16' }
  return [
    { ...common, threads: 1, binding: 'inputs', layersPerProgram: 'half', dtype: 'fp32' },
    { ...common, threads: 2, binding: 'packed', layersPerProgram: 'all', dtype: 'fp32' },
    { ...common, threads: 2, binding: 'packed', layersPerProgram: 'half', dtype: 'fp16' },
    { ...common, threads: 1, binding: 'inputs', layersPerProgram: 'all', dtype: 'fp16' },
    ...(i < 2 ? [baked] : []),
  ]
})

/** Norms and residual additions on the host, together and apart. */
const hostCases = (['noclip_small', 'gqa_qknorm_untied'] as const).flatMap((model): Case[] => {
  const common = { device: 'cpu', model, layersPerProgram: 'half' } as const
  return [
    { ...common, threads: 1, binding: 'inputs', dtype: 'fp32', hostOps: ['rmsnorm', 'residual'] },
    { ...common, threads: 2, binding: 'packed', dtype: 'fp16', hostOps: ['rmsnorm', 'residual'] },
    { ...common, threads: 2, binding: 'baked', dtype: 'fp32', hostOps: ['rmsnorm'] },
    { ...common, threads: 1, binding: 'packed', dtype: 'fp32', hostOps: ['residual'] },
  ]
})
const clippedHostCase: Case = { ...cpuCases[0], hostOps: ['rmsnorm'] }

/** What the CPU engine runs, in either mode. */
const engineCases = mathModes.flatMap((math) =>
  [...cpuCases, ...hostCases, clippedHostCase].map((test): Case => ({ ...test, math })),
)

/** Every model, binding and length of programs, and the host's part, once each on some chip. */
const simulatedCases: Case[] = (
  [
    { chip: 'm4', model: 'mha64', binding: 'baked', layersPerProgram: 1 },
    { chip: 'm5', model: 'odd60', binding: 'inputs', layersPerProgram: 'half' },
    { chip: 'm1', model: 'seq17_mqa', binding: 'packed', layersPerProgram: 'all' },
    {
      chip: 'm5',
      model: 'noclip_small',
      binding: 'packed',
      layersPerProgram: 'half',
      hostOps: ['rmsnorm', 'residual'],
    },
    { chip: 'm5', model: 'gqa_qknorm_tied', binding: 'baked', layersPerProgram: 'all' },
    { chip: 'm4', model: 'gqa_qknorm_untied', binding: 'inputs', layersPerProgram: 'half', hostOps: ['rmsnorm'] },
    { chip: 'm3', model: 'qwen3_shape', binding: 'packed', layersPerProgram: 1 },
    { chip: 'm4', model: 'stories260K', binding: 'inputs', layersPerProgram: 'all' },
  ] as const
).map((given) => ({ hostOps: [], ...given, device: 'ane-sim', threads: 1, dtype: 'fp16' }) as Case)

const referenceCases: Case[] = [
  { device: 'reference', model: 'noclip_small', binding: 'inputs', layersPerProgram: 'all', dtype: 'fp32' },
  { device: 'reference', model: 'noclip_small', binding: 'packed', layersPerProgram: 'half', dtype: 'fp16' },
  { device: 'reference', model: 'seq17_mqa', binding: 'packed', layersPerProgram: 1, dtype: 'fp32' },
  { device: 'reference', model: 'noclip_small', binding: 'baked', layersPerProgram: 'half', dtype: 'fp32' },
]

describe.skipIf(!hasShared)('training like PyTorch (needs ../shared)', () => {
  const title =
    '$model $dtype on $device $chip $math: $binding, $layersPerProgram layers per program, threads $threads, host $hostOps'
  it.for([...referenceCases, ...engineCases, ...simulatedCases])(title, async (test, { skip }) => {
    const { math = 'exact', dtype } = test
    const options = test.chip === undefined ? { math } : { chip: test.chip, compileLimit: 1000 }
    const device = await deviceIfAny(test.device, test.threads, options)
    if (device === undefined) return skip(`no ${test.device} device`)
    const model = await goldenModel(test.model)
    const { json, config, batchSize, seqLen } = model
    const allowed = trainingTolerance(math, dtype, json.observed_error_vs_fp64.fp16_emulated)
    const scale = dtype === 'fp16' ? 1024 : 1
    const initial = model.weights()
    const step = await createTrainStep(device, config, { ...test, batchSize, seqLen, weights: model.weights() })
    const load = (index: number) => {
      step.tokens.set(model.batch(index, 'tokens'))
      step.targets.set(model.batch(index, 'targets'))
    }

    load(0)
    expect(largestError(await step.logits(), model.tensor('logits0'))).toBeLessThan(allowed.logits)

    await step.forwardBackward(scale)
    load(1)
    await step.forwardBackward(scale)
    const accumulated = (await step.gradNorm()) / scale / 2
    expect(Math.abs(accumulated / json.fp64.accumulated_batches01.grad_norm - 1)).toBeLessThan(allowed.norm)
    step.zeroGradients()

    const hyper = json.hyperparameters
    for (let t = 0; t < hyper.steps; t++) {
      load(t)
      const { loss } = await step.forwardBackward(scale)
      expect(Math.abs(loss - json.fp64.loss[t])).toBeLessThan(t === 0 ? allowed.loss : allowed.evaluation)
      const norm = (await step.gradNorm()) / scale
      if (t === 0 || (math === 'exact' && dtype === 'fp32')) {
        expect(Math.abs(norm / json.fp64.grad_norm[t] - 1)).toBeLessThan(t === 0 ? allowed.norm : 5 * allowed.norm)
      }
      if (t === 0) {
        for (const [name, golden] of model.gradients) {
          const ours = step.gradients.get(name)!.map((g) => g / scale)
          expect(relativeL2(ours, golden), name).toBeLessThan(allowed.gradient(name))
          expect(1 - cosine(ours, golden), name).toBeLessThan(allowed.angle)
        }
      }
      const clip = Math.min(1, hyper.clip / (norm + 1e-6))
      await step.adamw({
        learningRate: json.fp64.lr[t],
        beta1: hyper.beta1,
        beta2: hyper.beta2,
        eps: hyper.eps,
        weightDecay: hyper.weight_decay,
        step: t + 1,
        gradScale: clip / scale,
      })
      load(0)
      const evaluated = (await step.evaluate()).loss
      expect(Math.abs(evaluated - json.fp64.eval_loss_on_batch0_after_step[t])).toBeLessThan(allowed.evaluation)
    }
    for (const [name, golden] of model.final) {
      const start = initial.get(name)!
      const change = (weights: Float32Array) => weights.map((w, i) => w - start[i])
      expect(relativeL2(change(step.parameters.get(name)!), change(golden)), name).toBeLessThan(allowed.update)
    }
    step.dispose()
    await step.settled()
    device.dispose()
  })

  it.for(['fp16', 'fp32'] as const)('%s gives the same bits with 1 and with 2 threads', async (dtype, { skip }) => {
    const model = await goldenModel('gqa_qknorm_untied')
    const { config, batchSize, seqLen } = model
    const outcomes: Map<string, Float32Array>[] = []
    for (const threads of [1, 2]) {
      const device = await deviceIfAny('cpu', threads)
      if (device === undefined) return skip('no cpu device')
      const step = await createTrainStep(device, config, { batchSize, seqLen, dtype, weights: model.weights() })
      for (let t = 0; t < 5; t++) {
        step.tokens.set(model.batch(t, 'tokens'))
        step.targets.set(model.batch(t, 'targets'))
        await step.forwardBackward(1024)
        const gradScale = 1 / Math.max(1024, await step.gradNorm())
        await step.adamw({
          learningRate: 1e-3,
          beta1: 0.9,
          beta2: 0.95,
          eps: 1e-8,
          weightDecay: 0.1,
          step: t + 1,
          gradScale,
        })
      }
      outcomes.push(step.parameters)
      step.dispose()
      device.dispose()
    }
    expect(outcomes[0]).toEqual(outcomes[1])
  })
})
