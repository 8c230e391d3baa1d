/**
 * Transformer pieces written in the operations Neural Engine kernels use.
 *
 * Legend: S sequence, C channels, H heads, D head_dim.
 */

import type { Builder } from './builder.js'
import { shapeOf } from './column-form.js'
import type { Value } from './ir.js'
import { OpError } from './ops/row.js'

/** Smallest normal fp16 number; the divisor of `rmsNorm` stays above it. */
const FP16_MIN_NORMAL = 2 ** -14
/** Sums of squares in `rmsNorm` stay below this in fp16. */
const FP16_SUM_LIMIT = 2 ** 15

/** What `rmsNorm` needs besides its operands. */
export interface RmsNormOptions {
  /** Added to the mean square; `rms_norm_eps` of the model. */
  eps: number
  /** Axis that is normalised, 1 unless given. */
  axis?: number
  name?: string
}

/**
 * Computes x / sqrt(mean(x²) + eps) · weight along one axis; any shapes `x [.., C, ..]`, `weight` with C elements.
 *
 * fp16 holds neither the squares of small activations (1e-3 squared is subnormal) nor of large ones (300 squared
 * overflows), so the vector is divided by its largest magnitude first:
 *
 *     m = max(max|x|, sqrt(eps))    u = x · (a / m)    q = k² · (mean((u / a)²) + eps / m²)    y = u · (k / a) · q^(−½) · weight
 *
 * a and k are powers of two that depend on C only: a keeps the sum of squares below 2^15, k ≈ C^¼ centres q^(−3/2),
 * which the derivative needs, in the fp16 range. The result does not depend on m, so m is detached: the gradient is
 * exact without going through the maximum. Finite for every finite fp16 x; the same graph serves fp32.
 *
 * @throws {OpError} if there is no such axis or its size is unknown, or `weight` has another number of elements
 * @throws {RangeError} if `eps` is not positive
 */
export function rmsNorm(b: Builder, x: Value, weight: Value, options: RmsNormOptions): Value {
  const { eps, axis = 1, name = 'rms_norm' } = options
  const shape = shapeOf(x)
  const channels = shape[axis]
  if (channels === undefined) throw new OpError(`Expected an axis of [${shape}] for axis, got ${axis}.`)
  if (!(eps > 0 && Number.isFinite(eps))) throw new RangeError(`Expected a positive number for eps, got ${eps}.`)
  const gain = alongAxis(b, weight, shape, axis)
  const k = 2 ** Math.round(Math.log2(channels) / 4)
  const a = Math.min(k, 2 ** Math.floor(Math.log2(FP16_SUM_LIMIT / channels) / 2))
  const floor = Math.max(Math.sqrt(eps), FP16_MIN_NORMAL)

  const largest = b.reduceMax({ x: b.abs({ x }, `${name}_abs`), axes: [axis], keep_dims: true }, `${name}_abs_max`)
  const divisor = b.maximum({ x: largest, y: floor }, `${name}_divisor`)
  const inverse = b.detach(b.realDiv({ x: a, y: divisor }, `${name}_inverse`))
  const u = b.mul({ x, y: inverse }, `${name}_u`)
  const squares = b.reduceSum({ x: b.mul({ x: u, y: u }, `${name}_sq`), axes: [axis], keep_dims: true }, `${name}_ss`)
  const mean = b.mul({ x: squares, y: (k * k) / (a * a * channels) }, `${name}_ms`)
  const rootEps = b.mul({ x: inverse, y: (k / a) * Math.sqrt(eps) }, `${name}_root_eps`)
  const q = b.add({ x: mean, y: b.mul({ x: rootEps, y: rootEps }, `${name}_eps`) }, `${name}_q`)
  const power = b.pow({ x: q, y: -0.5 }, `${name}_pow`)
  const rrms = a === k ? power : b.mul({ x: power, y: k / a }, `${name}_rrms`)
  return b.mul({ x: b.mul({ x: u, y: rrms }, `${name}_normed`), y: gain }, name)
}

/**
 * Multiplies by a weight matrix: y[o, s] = Σ_i w[o, i] · x[i, s].
 *
 * `w [1, out, 1, in]`, `x [1, in, 1, S]` → `[1, out, 1, S]`; sums in fp32 or wider.
 *
 * @throws {OpError} if the shapes do not fit
 */
export function linear(b: Builder, w: Value, x: Value, name = 'linear'): Value {
  const [, out, , inputs] = shapeOf(w)
  const [, channels, , columns] = shapeOf(x)
  if (inputs !== channels)
    throw new OpError(`Expected ${inputs} channels (those of ${w.name}) for ${x.name}, got ${channels}.`)
  const matrix = b.reshape({ x: w, shape: [1, 1, out, inputs] }, `${name}_w`)
  const rows = b.reshape({ x, shape: [1, 1, channels, columns] }, `${name}_x`)
  const product = b.matmul({ x: matrix, y: rows, transpose_x: false, transpose_y: false }, `${name}_matmul`)
  return b.reshape({ x: product, shape: [1, out, 1, columns] }, name)
}

/** Computes x · sigmoid(x), any shape. The single `silu` operation is avoided: some chips refuse or approximate it. */
export function silu(b: Builder, x: Value, name = 'silu'): Value {
  return b.mul({ x, y: b.sigmoid({ x }, `${name}_sigmoid`) }, name)
}

/**
 * Rotates the pairs (i, i + D/2) along `axis` by the angles of `cos` and `sin`.
 *
 * `x [.., D, ..]`; `cos` and `sin` have D/2 elements along `axis` and broadcast over the rest.
 *
 * @throws {OpError} if D is odd or the tables do not broadcast
 */
export function ropeHalf(b: Builder, x: Value, cos: Value, sin: Value, axis: number, name = 'rope'): Value {
  const [first, second] = b.split({ x, num_splits: 2, axis }, `${name}_half`)
  const y1 = b.sub({ x: b.mul({ x: first, y: cos }), y: b.mul({ x: second, y: sin }) }, `${name}_first`)
  const y2 = b.add({ x: b.mul({ x: second, y: cos }), y: b.mul({ x: first, y: sin }) }, `${name}_second`)
  return b.concat({ values: [y1, y2], axis, interleave: false }, name)
}

function alongAxis(b: Builder, weight: Value, shape: readonly number[], axis: number): Value {
  const own = shapeOf(weight)
  const wanted = shape.map((dim, i) => (i === axis ? dim : 1))
  if (own.reduce((total, dim) => total * dim, 1) !== shape[axis]) {
    throw new OpError(`Expected ${shape[axis]} elements for ${weight.name}, got [${own}].`)
  }
  const fits = own.length === wanted.length && own.every((dim, i) => dim === wanted[i])
  return fits ? weight : b.reshape({ x: weight, shape: wanted }, `${weight.name}_gain`)
}
