import { describe, expect, it } from 'vitest'
import { largestError, relativeL2 } from '../../../test/shared/errors.js'
import { hasShared, sharedJson } from '../../../test/shared/folder.js'
import { type GoldenConfig, goldenConfig } from '../../../test/shared/golden-config.js'
import { mathModes, proceduralTolerances, toleranceOf } from '../../../test/shared/tolerances.js'
import { createTrainStep, type Weights, weightShapes } from '../src/index.js'
import { deviceIfAny } from './devices.js'
import { inHalfOrder } from './golden-model.js'

function mix(value: number): number {
  let h = value >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

const hash = (seed: number, i: number) => mix((Math.imul(i, 0x9e3779b9) + seed) >>> 0)

/** Weights by the formula of golden/procedural/README.md. */
function proceduralWeights(golden: { config: GoldenConfig; seed: number; tensors: Tensors }): Weights {
  const weights: Weights = new Map()
  for (const [name, shape] of weightShapes(goldenConfig(golden.config))) {
    const { ordinal, stream, first8 } = golden.tensors[name]
    const seed = hash(golden.seed, ordinal)
    expect(seed).toBe(stream)
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1))
    const exponent = /(o|down)_proj/.test(name) ? 2 ** -17 : 2 ** -15
    for (let i = 0; i < data.length; i++) {
      const bits = hash(seed, i)
      data[i] = shape.length === 1 ? 1 + ((bits >>> 24) - 128) / 1024 : ((bits >>> 21) - 1024) * exponent
    }
    expect([...data.subarray(0, 8)]).toEqual(first8)
    weights.set(name, inHalfOrder(golden.config, name, data))
  }
  return weights
}

type Tensors = Record<string, { ordinal: number; stream: number; first8: number[]; grad_norm: number }>

describe.skipIf(!hasShared)('full-size shapes (needs ../shared)', () => {
  const cases = [
    ['stories15M-shape', 'fp32', 'inputs', 'half', 1],
    ['stories15M-shape', 'fp16', 'packed', 'all', 2],
    ['stories110M-shape', 'fp32', 'inputs', 'all', 2],
    ['stories110M-shape', 'fp16', 'packed', 'half', 2],
  ] as const
  const title = '%s in %s: %s binding, %s layers per program, %i threads, %s'
  it.for(cases.flatMap((row) => mathModes.map((math) => [...row, math] as const)))(title, async (test, { skip }) => {
    const [name, dtype, binding, layersPerProgram, threads, math] = test
    const device = await deviceIfAny('cpu', threads, { math })
    if (device === undefined) return skip('no cpu device')
    const golden = sharedJson('golden/procedural', `${name}.json`)
    const allowed = toleranceOf(proceduralTolerances, math, dtype)
    const scale = dtype === 'fp16' ? 1024 : 1
    const config = goldenConfig(golden.config)
    const step = await createTrainStep(device, config, {
      batchSize: golden.batch,
      seqLen: golden.length,
      dtype,
      binding,
      layersPerProgram,
      weights: proceduralWeights(golden),
    })
    step.tokens.set(golden.tokens.flatMap((row: number[]) => row.slice(0, -1)))
    step.targets.set(golden.tokens.flatMap((row: number[]) => row.slice(1)))

    const logits = await step.logits()
    const V = config.vocab_size
    for (const { row, position, first16, last4 } of golden.positions) {
      const at = (row * golden.length + position) * V
      const ours = [...logits.subarray(at, at + 16), ...logits.subarray(at + V - 4, at + V)]
      expect(largestError(ours, [...first16, ...last4])).toBeLessThan(allowed.logits)
      expect(relativeL2(ours, [...first16, ...last4])).toBeLessThan(allowed.relative)
    }

    const { loss } = await step.forwardBackward(scale)
    expect(Math.abs(loss - golden.loss)).toBeLessThan(allowed.loss)
    const norm = (await step.gradNorm()) / scale
    expect(Math.abs(norm / golden.grad_norm - 1)).toBeLessThan(allowed.norm)
    for (const [weight, { grad_norm }] of Object.entries(golden.tensors as Tensors)) {
      let squares = 0
      for (const g of step.gradients.get(weight)!) squares += g * g
      expect(Math.abs(Math.sqrt(squares) / scale / grad_norm - 1), weight).toBeLessThan(allowed.tensorNorm)
    }

    const update = golden.after_one_update
    await step.adamw({
      learningRate: update.lr,
      beta1: update.beta1,
      beta2: update.beta2,
      eps: update.eps,
      weightDecay: update.weight_decay,
      step: 1,
      gradScale: Math.min(1, update.clip / (norm + 1e-6)) / scale,
    })
    expect(Math.abs((await step.evaluate()).loss - update.loss)).toBeLessThan(allowed.after)
    step.dispose()
    device.dispose()
  })
})
