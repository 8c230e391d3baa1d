/** layer_norm and l2_norm in products, sums and a power. */

import type { Builder } from '../../builder.js'
import type { Value } from '../../ir.js'
import { dims, rewriting, type Site } from './rewriting.js'

/**
 * Statistics are summed after a product with a power of two near 1/sqrt(n) per factor, so that sums of squares stay in
 * the fp16 range as far as the values' own mean square does.
 */
export const splitNormalizations = rewriting(['layer_norm', 'l2_norm'], (site) =>
  site.operation.op === 'layer_norm' ? [layerNorm(site)] : [l2Norm(site)],
)

/** A power of two near n^(−½). */
const scaleOf = (count: number) => 2 ** -Math.ceil(Math.log2(count) / 2)

/** Four times the smallest positive fp16 number. */
const SMALLEST_EPSILON = 2 ** -22

/** Σ (x · scale)² over the axes. */
function squares(b: Builder, x: Value, axes: readonly number[], scale: number, name: string): Value {
  const scaled = b.mul({ x, y: scale }, `${name}_scaled`)
  return b.reduceSum({ x: b.mul({ x: scaled, y: scaled }, `${name}_squares`), axes, keep_dims: true }, `${name}_sum`)
}

function countOf(shape: readonly number[], axes: readonly number[]): number {
  return axes.reduce((product, axis) => product * shape[axis], 1)
}

function layerNorm(site: Site): Value {
  const { b, operation, original, facts } = site
  const x = site.operand('x')
  const name = operation.results[0].name
  const shape = dims(x)
  const axes = facts.axes(original) ?? shape.map((_, axis) => axis)
  const count = countOf(shape, axes)
  const scale = scaleOf(count)
  const shares = b.mul({ x, y: scale }, `${name}_shares`)
  const total = b.reduceSum({ x: shares, axes, keep_dims: true }, `${name}_total`)
  const mean = b.mul({ x: total, y: 1 / (count * scale) }, `${name}_mean`)
  const centered = b.sub({ x, y: mean }, `${name}_centered`)
  const sum = squares(b, centered, axes, scale, `${name}_centered`)
  const variance = b.mul({ x: sum, y: 1 / (count * scale * scale) }, `${name}_variance`)
  const epsilon = facts.numbers(original, 'epsilon')?.[0] ?? 1e-5
  const inverse = b.pow({ x: b.add({ x: variance, y: epsilon }, `${name}_floor`), y: -0.5 }, `${name}_inverse`)
  const normed = b.mul({ x: centered, y: inverse }, `${name}_normed`)
  const kept = shape.map((dim, axis) => (axes.includes(axis) ? dim : 1))
  const gain = (operand: 'gamma' | 'beta') => b.reshape({ x: site.operand(operand), shape: kept }, `${name}_${operand}`)
  const scaled = operation.operands.gamma ? b.mul({ x: normed, y: gain('gamma') }, `${name}_gained`) : normed
  return operation.operands.beta ? b.add({ x: scaled, y: gain('beta') }, name) : scaled
}

/** x · (Σ x² + ε)^(−½) over the last three axes. */
function l2Norm(site: Site): Value {
  const { b, operation, original, facts } = site
  const x = site.operand('x')
  const name = operation.results[0].name
  const shape = dims(x)
  const axes = shape.map((_, axis) => axis).slice(-3)
  const epsilon = facts.numbers(original, 'epsilon')?.[0] ?? 1e-6
  // ε · scale² must not vanish in fp16, or a vector of zeros would become NaN.
  const smallest = epsilon > 0 ? 2 ** Math.ceil(Math.log2(SMALLEST_EPSILON / epsilon) / 2) : 0
  const scale = Math.min(1, Math.max(scaleOf(countOf(shape, axes)), smallest))
  const sum = squares(b, x, axes, scale, name)
  const floored = b.add({ x: sum, y: epsilon * scale * scale }, `${name}_floor`)
  const inverse = b.mul({ x: b.pow({ x: floored, y: -0.5 }, `${name}_root`), y: scale }, `${name}_inverse`)
  return b.mul({ x, y: inverse }, name)
}
