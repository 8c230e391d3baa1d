/** Matrix product over strided views. */
import { expectSize, flag, floats, input, output, type ReferenceKernel } from './kernel.js'
import { squaresOf } from './optimizer.js'

/**
 * out [M, N] = a [M, K] · b [K, N], or out += a · b (then fp32); sums in fp64, rounded once. `squares` [1, M] receives the
 * sums of squares of out's rows.
 */
export const gemm: ReferenceKernel = {
  operands: {
    a: input(...floats),
    b: input(...floats),
    out: output(...floats),
    squares: { ...output('fp64'), optional: true },
    accumulate: flag,
  },
  check({ views, numbers }) {
    expectSize(views, 'b', views.a.cols, views.b.cols)
    expectSize(views, 'out', views.a.rows, views.b.cols)
    if (views.squares) expectSize(views, 'squares', 1, views.out.rows)
    const { of } = views.out
    if (numbers.accumulate && !(of instanceof Float32Array) && !('dtype' in of && of.dtype === 'fp32')) {
      throw new TypeError('Expected fp32 for out, which accumulates.')
    }
  },
  run({ matrices: { a, b, out, squares }, numbers: { accumulate } }) {
    for (let m = 0; m < out.rows; m++) {
      for (let n = 0; n < out.cols; n++) {
        let sum = accumulate ? out.get(m, n) : 0
        for (let k = 0; k < a.cols; k++) sum += a.get(m, k) * b.get(k, n)
        out.set(m, n, sum)
      }
      squares?.set(0, m, squaresOf(out, m))
    }
  },
}
