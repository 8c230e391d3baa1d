/** RMSNorm over channels and the gradient of a per-channel scale. `C` channels, `S` columns; sums in fp64. */
import { expectSize, flag, floats, input, number, output, type ReferenceKernel } from './kernel.js'

/**
 * in [C, S], weight [1, C] → out[c, s] = in[c, s] · rrms[s] · weight[c]; saves rrms[s] = 1 / sqrt(mean_c in² + eps).
 */
export const rmsnorm: ReferenceKernel = {
  operands: {
    in: input(...floats),
    weight: input(...floats),
    out: output(...floats),
    rrms: output('fp32'),
    eps: number,
  },
  check({ views }) {
    const { rows: C, cols: S } = views.in
    expectSize(views, 'weight', 1, C)
    expectSize(views, 'out', C, S)
    expectSize(views, 'rrms', 1, S)
  },
  run({ matrices: { in: x, weight, out, rrms }, numbers: { eps } }) {
    for (let s = 0; s < x.cols; s++) {
      let squares = 0
      for (let c = 0; c < x.rows; c++) squares += x.get(c, s) ** 2
      const scale = 1 / Math.sqrt(squares / x.rows + eps)
      rrms.set(0, s, scale)
      for (let c = 0; c < x.rows; c++) out.set(c, s, x.get(c, s) * scale * weight.get(0, c))
    }
  },
}

/**
 * din[c, s] = rrms · (weight[c] · dout[c, s] − x̂[c, s] · mean_k(weight[k] · dout[k, s] · x̂[k, s])) with x̂ = in · rrms;
 * dweight[c] = Σ_s dout[c, s] · x̂[c, s], or += with `accumulate`.
 */
export const rmsnormBackward: ReferenceKernel = {
  operands: {
    in: input(...floats),
    weight: input(...floats),
    rrms: input('fp32'),
    dout: input(...floats),
    din: output(...floats),
    dweight: output('fp32'),
    accumulate: flag,
  },
  check({ views }) {
    const { rows: C, cols: S } = views.in
    expectSize(views, 'weight', 1, C)
    expectSize(views, 'rrms', 1, S)
    expectSize(views, 'dout', C, S)
    expectSize(views, 'din', C, S)
    expectSize(views, 'dweight', 1, C)
  },
  run({ matrices: { in: x, weight, rrms, dout, din, dweight }, numbers: { accumulate } }) {
    const dw = new Float64Array(x.rows)
    for (let s = 0; s < x.cols; s++) {
      const scale = rrms.get(0, s)
      let mean = 0
      for (let c = 0; c < x.rows; c++) mean += (weight.get(0, c) * dout.get(c, s) * x.get(c, s) * scale) / x.rows
      for (let c = 0; c < x.rows; c++) {
        const normalized = x.get(c, s) * scale
        const dy = dout.get(c, s)
        dw[c] += dy * normalized
        din.set(c, s, scale * (weight.get(0, c) * dy - normalized * mean))
      }
    }
    for (let c = 0; c < x.rows; c++) dweight.set(0, c, (accumulate ? dweight.get(0, c) : 0) + dw[c])
  },
}

/** in, dout [C, S] → dweight[c mod D] = Σ_s in[c, s] · dout[c, s], or += with `accumulate`; dweight [1, D]. */
export const scaleGradient: ReferenceKernel = {
  operands: { in: input(...floats), dout: input(...floats), dweight: output('fp32'), accumulate: flag },
  check({ views }) {
    expectSize(views, 'dout', views.in.rows, views.in.cols)
    expectSize(views, 'dweight', 1, views.dweight.cols)
    if (views.dweight.cols === 0 || views.in.rows % views.dweight.cols !== 0) {
      throw new RangeError(`Expected a divisor of ${views.in.rows} columns for dweight, got ${views.dweight.cols}.`)
    }
  },
  run({ matrices: { in: x, dout, dweight }, numbers: { accumulate } }) {
    const sums = new Float64Array(dweight.cols)
    for (let c = 0; c < x.rows; c++) {
      for (let s = 0; s < x.cols; s++) sums[c % dweight.cols] += x.get(c, s) * dout.get(c, s)
    }
    for (let d = 0; d < sums.length; d++) dweight.set(0, d, (accumulate ? dweight.get(0, d) : 0) + sums[d])
  },
}
