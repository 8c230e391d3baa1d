import { describe, expect, it } from 'vitest'
import { hasShared, sharedJson, sharedPath } from '../../../test/shared/folder.js'
import { readGolden } from '../../../test/shared/safetensors.js'
import { AdamW, clipFactor, clipGradients, cosineSchedule, globalNorm, parameter } from '../src/index.js'

function tensors(file: string): (name: string) => Float32Array {
  const stored = readGolden(sharedPath('golden/units', file))
  return (name) => Float32Array.from(stored.get(name)!.data, Number)
}

describe.skipIf(!hasShared)('PyTorch reference numbers (need ../shared)', () => {
  const cases = hasShared ? sharedJson('golden/units/units.json') : {}

  it('gives the learning rates of the cosine schedule', () => {
    for (const { params, t, value } of cases.lr_schedule.cases) {
      const { lr, min_lr, warmup, decay } = params
      const schedule = cosineSchedule({
        learningRate: lr,
        minLearningRate: min_lr,
        warmupSteps: warmup,
        decaySteps: decay,
      })
      t.forEach((at: number, i: number) => {
        expect(Math.abs(schedule(at) - value[i])).toBeLessThanOrEqual(1e-12 * Math.abs(value[i]))
      })
    }
  })

  it('updates parameters and moments as torch.optim.AdamW does', async () => {
    const at = tensors('adamw.safetensors')
    for (const { params, inputs, outputs } of cases.adamw.cases) {
      const start = at(inputs.p.tensor)
      const p = { ...parameter('p', start.slice(), { decay: true }) }
      p.gradient.set(at(inputs.g.tensor))
      p.m.set(at(inputs.m.tensor))
      p.v.set(at(inputs.v.tensor))
      const { beta1, beta2, eps, weight_decay, lr, t } = params
      const adamw = new AdamW([p], { beta1, beta2, epsilon: eps, weightDecay: weight_decay })
      adamw.resume(t - 1)
      await adamw.step(lr)
      const expected = at(outputs.p.f64)
      const update = Math.max(...expected.map((x, i) => Math.abs(x - start[i])))
      const spacing = Math.max(...expected.map((x) => Math.abs(x))) * 2 ** -24
      for (let i = 0; i < expected.length; i++)
        expect(Math.abs(p.value[i] - expected[i])).toBeLessThanOrEqual(1e-6 * update + 2 * spacing)
    }
  })

  it('finds the global norm and the clip factor of torch clip_grad_norm_', () => {
    const at = tensors('grad_norm.safetensors')
    for (const { params, norm, scale, inputs, outputs } of cases.grad_norm.cases) {
      const names = Object.keys(inputs)
      const gradients = names.map((name) => at(inputs[name].tensor).slice())
      expect(Math.abs(globalNorm(gradients) - norm)).toBeLessThanOrEqual(1e-6 * norm)
      expect(clipFactor(norm, params.max_norm)).toBeCloseTo(scale, 9)
      clipGradients(gradients, params.max_norm)
      names.forEach((name, n) => {
        const expected = at(outputs[name].f64)
        for (let i = 0; i < expected.length; i++) expect(gradients[n][i]).toBeCloseTo(expected[i], 5)
      })
    }
  })
})
