import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { relativeL2 } from '../../../test/shared/errors.js'
import { classifierLoss } from '../../../test/shared/tolerances.js'
import { type Device, type KernelOperands, openDevice, transposed, view } from '../src/index.js'
import { goldenCases, hasGoldens } from './golden.js'

const single = (values: ArrayLike<number>) => Float32Array.from(values)
const row = (of: Float32Array | Float64Array | Int32Array) => view(of, { rows: 1, cols: of.length })

describe.skipIf(!hasGoldens).each([
  ['reference', 'exact'],
  ['cpu', 'exact'],
  ['cpu', 'fast'],
] as const)('host kernels agree with PyTorch on %s in %s (needs ../shared)', (kind, math) => {
  let device: Device
  beforeAll(async () => {
    device = await openDevice(kind, { threads: 1, math })
  })
  afterAll(() => device.dispose())
  const run = (name: string, operands: KernelOperands) => device.createSchedule().kernel(name, operands).executeSync()

  it('rmsnorm, forward and backward', () => {
    for (const { params, shape, inputs, outputs } of goldenCases('rmsnorm')) {
      const C = shape.x.at(-1)!
      const S = inputs.x.length / C
      const columns = (of: Float32Array) => transposed(view(of, { rows: S, cols: C }))
      const [y, dx] = [new Float32Array(S * C), new Float32Array(S * C)]
      const [rrms, dw] = [new Float32Array(S), new Float32Array(C)]
      const shared = { in: columns(single(inputs.x)), weight: row(single(inputs.w)), rrms: row(rrms) }
      run('rmsnorm', { ...shared, out: columns(y), eps: params.eps })
      run('rmsnorm_backward', {
        ...shared,
        dout: columns(single(inputs.dy)),
        din: columns(dx),
        dweight: row(dw),
        accumulate: 0,
      })
      expect(relativeL2(y, outputs.y)).toBeLessThan(1e-6)
      expect(relativeL2(dx, outputs.dx)).toBeLessThan(1e-6)
      expect(relativeL2(dw, outputs.dw)).toBeLessThan(1e-6)
    }
  })

  it('classifier_loss, loss and gradient', () => {
    for (const { params, shape, inputs, outputs } of goldenCases('cross_entropy')) {
      const [S, V] = shape.logits
      // Against the identity, features are logits.
      const identity = Float32Array.from({ length: V * V }, (_, i) => (i % (V + 1) === 0 ? 1 : 0))
      const [loss, din] = [new Float64Array(2), new Float32Array(S * V)]
      run('classifier_loss', {
        in: transposed(view(single(inputs.logits), { rows: S, cols: V })),
        table: view(identity, { rows: V, cols: V }),
        targets: row(Int32Array.from(inputs.targets)),
        loss: row(loss),
        scale: row(new Float64Array([params.loss_scale])),
        logits: view(new Float32Array(S * 7), { rows: S, cols: 7 }),
        din: transposed(view(din, { rows: S, cols: V })),
        dtable: view(new Float32Array(V * V), { rows: V, cols: V }),
        accumulate: 0,
      })
      expect(Math.abs(loss[0] / loss[1] / outputs.loss[0] - 1)).toBeLessThan(classifierLoss[math].loss)
      expect(relativeL2(din, outputs.dlogits)).toBeLessThan(classifierLoss[math].gradient)
    }
  })

  it('embedding and its gradient', () => {
    for (const { shape, inputs, outputs } of goldenCases('embedding')) {
      const [V, C] = shape.table
      const S = inputs.ids.length
      const tokens = row(Int32Array.from(inputs.ids))
      const [y, dtable] = [new Float32Array(S * C), new Float32Array(V * C)]
      const table = view(single(inputs.table), { rows: V, cols: C })
      run('embedding', { tokens, table, out: transposed(view(y, { rows: S, cols: C })) })
      const dout = transposed(view(single(inputs.dy), { rows: S, cols: C }))
      run('embedding_backward', { tokens, dout, dtable: view(dtable, { rows: V, cols: C }) })
      expect([...y]).toEqual([...outputs.y])
      expect(relativeL2(dtable, outputs.dtable)).toBeLessThan(1e-6)
      const gathered = new Float32Array(S * C)
      run('gather_rows', { ids: tokens, table, out: view(gathered, { rows: S, cols: C }) })
      expect(gathered).toEqual(y)
    }
  })

  it('adamw, one update', () => {
    for (const { params, inputs, outputs } of goldenCases('adamw')) {
      const { t, lr, beta1, beta2, eps, weight_decay } = params
      const [param, grad, m, v] = [inputs.p, inputs.g, inputs.m, inputs.v].map(single)
      const hyper = new Float64Array([lr, beta1, beta2, eps, weight_decay, 1 - beta1 ** t, 1 - beta2 ** t, 1])
      const views = { param: row(param), grad: row(grad), m: row(m), v: row(v), hyper: row(hyper) }
      run('adamw', { ...views, decay: 1, zero_grad: 1 })
      expect(relativeL2(m, outputs.m)).toBeLessThan(1e-6)
      expect(relativeL2(v, outputs.v)).toBeLessThan(1e-6)
      expect(grad.every((g) => g === 0)).toBe(true)
      const update = Math.max(...outputs.p.map((p, i) => Math.abs(p - inputs.p[i])))
      for (const [i, p] of outputs.p.entries()) {
        // Storing the parameter in fp32 costs up to half a unit in the last place on top of the update's own error.
        expect(Math.abs(param[i] - p)).toBeLessThanOrEqual(1e-6 * update + Math.abs(p) * 2 ** -23)
      }
    }
  })

  it('grad_norm', () => {
    for (const { norm, inputs } of goldenCases('grad_norm')) {
      const [out, ...squares] = Array.from({ length: 1 + Object.keys(inputs).length }, () => new Float64Array(1))
      for (const [i, g] of Object.values(inputs).entries())
        run('row_squares', { in: row(single(g)), squares: row(squares[i]) })
      run('grad_norm', { squares: squares.map(row), out: row(out) })
      expect(Math.abs(out[0] - norm!)).toBeLessThanOrEqual(1e-6 * norm!)
    }
  })
})
