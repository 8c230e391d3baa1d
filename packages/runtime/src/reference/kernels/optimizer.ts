/** AdamW and the gradient norm. */
import { expectSize, flag, floats, input, output, type ReferenceKernel } from './kernel.js'

/** out = sqrt(Σ over all gradients of g²) in fp64; NaN and infinity pass through. */
export const gradNorm: ReferenceKernel = {
  operands: { grads: { kind: 'views', dtypes: floats }, out: output('fp64') },
  check({ views }) {
    expectSize(views, 'out', 1, 1)
  },
  run({ lists: { grads }, matrices: { out } }) {
    let squares = 0
    for (const grad of grads) {
      for (let row = 0; row < grad.rows; row++) {
        for (let col = 0; col < grad.cols; col++) squares += grad.get(row, col) ** 2
      }
    }
    out.set(0, 0, Math.sqrt(squares))
  },
}

/**
 * One AdamW update with g = grad · grad_scale: m = β1 m + (1 − β1) g; v = β2 v + (1 − β2) g²;
 * param = param (1 − lr · weight_decay) − lr (m / bias1) / (sqrt(v / bias2) + eps).
 *
 * hyper = lr, beta1, beta2, eps, weight_decay, bias1, bias2, grad_scale. Without `decay` the weight decay counts as 0.
 * `staged` receives the new parameter; `zero_grad` clears the gradient afterwards.
 *
 * @see Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101
 */
export const adamw: ReferenceKernel = {
  operands: {
    param: output('fp32'),
    grad: output('fp32'),
    m: output('fp32'),
    v: output('fp32'),
    hyper: input('fp64'),
    decay: flag,
    zero_grad: flag,
    staged: { ...output(...floats), optional: true },
  },
  check({ views }) {
    const { rows, cols } = views.param
    for (const name of ['grad', 'm', 'v']) expectSize(views, name, rows, cols)
    expectSize(views, 'hyper', 1, 8)
    if (views.staged) expectSize(views, 'staged', rows, cols)
    for (const name of ['param', 'grad', 'm', 'v']) {
      const { rowStride, colStride } = views[name]
      if ((cols > 1 && colStride !== 1) || (rows > 1 && rowStride !== cols)) {
        throw new RangeError(`Expected dense rows for ${name}, got strides ${rowStride}, ${colStride}.`)
      }
    }
  },
  run({ matrices: { param, grad, m, v, hyper, staged }, numbers }) {
    const [lr, beta1, beta2, eps, weightDecay, bias1, bias2, gradScale] = Array.from({ length: 8 }, (_, i) =>
      hyper.get(0, i),
    )
    const shrink = numbers.decay ? 1 - lr * weightDecay : 1
    for (let row = 0; row < param.rows; row++) {
      for (let col = 0; col < param.cols; col++) {
        const g = grad.get(row, col) * gradScale
        const first = beta1 * m.get(row, col) + (1 - beta1) * g
        const second = beta2 * v.get(row, col) + (1 - beta2) * g * g
        const next = param.get(row, col) * shrink - (lr * (first / bias1)) / (Math.sqrt(second / bias2) + eps)
        m.set(row, col, first)
        v.set(row, col, second)
        param.set(row, col, next)
        staged?.set(row, col, param.get(row, col))
        if (numbers.zero_grad) grad.set(row, col, 0)
      }
    }
  },
}
