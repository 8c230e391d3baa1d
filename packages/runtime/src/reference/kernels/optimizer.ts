/** AdamW and the gradient norm. */
import { expectSize, flag, floats, input, type Matrix, output, type ReferenceKernel } from './kernel.js'

/** Σ over a row of its squared elements. */
export function squaresOf(matrix: Matrix, row: number): number {
  let sum = 0
  for (let col = 0; col < matrix.cols; col++) sum += matrix.get(row, col) ** 2
  return sum
}

/** in [R, C] → squares [1, R]: squares[r] = Σ_c in[r, c]², of the rows in `ids` [1, N] only if given. */
export const rowSquares: ReferenceKernel = {
  operands: { in: input(...floats), ids: { ...input('int32'), optional: true }, squares: output('fp64') },
  check({ views }) {
    expectSize(views, 'squares', 1, views.in.rows)
    if (views.ids) expectSize(views, 'ids', 1, views.ids.cols)
  },
  run({ matrices: { in: rows, ids, squares } }) {
    const ofRow = (row: number) => row >= 0 && row < rows.rows && squares.set(0, row, squaresOf(rows, row))
    for (let i = 0; i < (ids ?? squares).cols; i++) ofRow(ids ? ids.get(0, i) : i)
  },
}

/** out = sqrt(Σ over all `squares`) in fp64: the norm of gradients whose squares they are; NaN and infinity pass. */
export const gradNorm: ReferenceKernel = {
  operands: { squares: { kind: 'views', dtypes: ['fp64'] }, out: output('fp64') },
  check({ views }) {
    expectSize(views, 'out', 1, 1)
  },
  run({ lists, matrices: { out } }) {
    let sum = 0
    for (const squares of lists.squares) {
      for (let row = 0; row < squares.rows; row++) {
        for (let col = 0; col < squares.cols; col++) sum += squares.get(row, col)
      }
    }
    out.set(0, 0, Math.sqrt(sum))
  },
}

/**
 * One AdamW update with g = grad · grad_scale: m = β1 m + (1 − β1) g; v = β2 v + (1 − β2) g²;
 * param = param (1 − lr · weight_decay) − lr (m / bias1) / (sqrt(v / bias2) + eps).
 *
 * hyper = lr, beta1, beta2, eps, weight_decay, bias1, bias2, grad_scale. Without `decay` the weight decay counts as 0.
 * `staged` receives the new parameter; `zero_grad` clears the gradient, and its squares, afterwards. With `squares` [1, R],
 * rows of the gradient whose squares are 0 count as zeros and are neither read nor cleared.
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
    squares: { ...output('fp64'), optional: true },
    staged: { ...output(...floats), optional: true },
  },
  check({ views }) {
    const { rows, cols } = views.param
    for (const name of ['grad', 'm', 'v']) expectSize(views, name, rows, cols)
    expectSize(views, 'hyper', 1, 8)
    if (views.squares) expectSize(views, 'squares', 1, rows)
    if (views.staged) expectSize(views, 'staged', rows, cols)
    for (const name of ['param', 'grad', 'm', 'v']) {
      const { rowStride, colStride } = views[name]
      if ((cols > 1 && colStride !== 1) || (rows > 1 && rowStride !== cols)) {
        throw new RangeError(`Expected dense rows for ${name}, got strides ${rowStride}, ${colStride}.`)
      }
    }
  },
  run({ matrices: { param, grad, m, v, hyper, squares, staged }, numbers }) {
    const [lr, beta1, beta2, eps, weightDecay, bias1, bias2, gradScale] = Array.from({ length: 8 }, (_, i) =>
      hyper.get(0, i),
    )
    const shrink = numbers.decay ? 1 - lr * weightDecay : 1
    for (let row = 0; row < param.rows; row++) {
      const zeros = squares?.get(0, row) === 0
      for (let col = 0; col < param.cols; col++) {
        const g = zeros ? 0 : grad.get(row, col) * gradScale
        const first = beta1 * m.get(row, col) + (1 - beta1) * g
        const second = beta2 * v.get(row, col) + (1 - beta2) * g * g
        const next = param.get(row, col) * shrink - (lr * (first / bias1)) / (Math.sqrt(second / bias2) + eps)
        m.set(row, col, first)
        v.set(row, col, second)
        param.set(row, col, next)
        staged?.set(row, col, param.get(row, col))
        if (numbers.zero_grad && !zeros) grad.set(row, col, 0)
      }
      if (numbers.zero_grad) squares?.set(0, row, 0)
    }
  },
}
