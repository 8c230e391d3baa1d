/** The scale of an RMSNorm from the mean magnitude instead of the largest one, which needs no abs, maximum or reduce_max. */

import type { Operation, Value } from '../../ir.js'
import { usesOf } from '../../value-graph.js'
import { ProgramFacts } from '../facts.js'
import { dims, type Repair, rewriting } from './rewriting.js'

/** tanh of this times x is the sign of x for every |x| that weighs in a mean. */
const SIGN_SLOPE = 2 ** 12
/** Powers of the factor that differ by less are equal. */
const TOLERANCE = 1e-9

/** Operations through which a factor passes unchanged. */
const KEEPING = new Set(
  'reshape transpose slice_by_size slice_by_index split expand_dims squeeze reduce_sum reduce_mean identity tile'.split(
    ' ',
  ),
)

/** `numerator / max(max|x|, floor)` with the maximum over `axes`. */
interface MaximumScale {
  readonly x: Value
  readonly axes: readonly number[]
  readonly numerator: number
  readonly floor: number
}

/**
 * Replaces `a / max(max|x|, floor)` by `a / sqrt(C) / (mean|x| + floor)` where no output depends on the factor.
 *
 * That it does not is proven: every value gets the power to which it contains the factor, and outputs must have 0. Since
 * Σ x² ≤ (C · mean|x|)², the new scale keeps sums of squares below the bound the old one kept them below.
 */
export const scaleByMean: Repair = (program, blobs, target) => {
  const scales = new Map<Value, MaximumScale>()
  for (const func of program.functions) {
    const facts = new ProgramFacts(program, func, target)
    for (const operation of facts.named('real_div')) {
      const scale = maximumScale(facts, operation)
      if (scale && outputsAreFreeOf(facts, operation.results[0])) scales.set(operation.results[0], scale)
    }
  }
  if (scales.size === 0) return { program, blobs, count: 0 }
  return rewriting(['real_div'], ({ b, original }) => {
    const [result] = original.results
    const scale = scales.get(result)
    if (!scale) return undefined
    const { x, axes, floor, numerator } = scale
    const { name } = result
    const count = axes.reduce((product, axis) => product * dims(x)[axis], 1)
    const sign = b.tanh({ x: b.mul({ x, y: SIGN_SLOPE }, `${name}_slope`) }, `${name}_sign`)
    const shares = b.mul({ x: b.mul({ x, y: sign }, `${name}_magnitude`), y: 1 / count }, `${name}_shares`)
    const mean = b.reduceSum({ x: shares, axes, keep_dims: true }, `${name}_mean`)
    const reciprocal = b.pow({ x: b.add({ x: mean, y: floor }, `${name}_floor`), y: -1 }, `${name}_reciprocal`)
    return [b.mul({ x: reciprocal, y: numerator * 2 ** -Math.ceil(Math.log2(count) / 2) }, name)]
  })(program, blobs, target)
}

/** The scale a division computes, undefined if it computes something else. */
function maximumScale(facts: ProgramFacts, operation: Operation): MaximumScale | undefined {
  const divisor = facts.value(operation, 'y')
  const maximum = divisor && facts.producer(divisor)
  if (maximum?.op !== 'maximum') return undefined
  const reduced = ['x', 'y'].find((name) => !facts.isConstant(maximum, name))
  const largest = reduced === undefined ? undefined : facts.value(maximum, reduced)
  const reduction = largest && facts.producer(largest)
  if (reduction?.op !== 'reduce_max' || facts.numbers(reduction, 'keep_dims')?.[0] !== 1) return undefined
  const magnitudes = facts.value(reduction, 'x')
  const absolute = magnitudes && facts.producer(magnitudes)
  const [numerator, floor] = [facts.numbers(operation, 'x'), facts.numbers(maximum, reduced === 'x' ? 'y' : 'x')]
  const [x, axes] = [absolute?.op === 'abs' ? facts.value(absolute, 'x') : undefined, facts.axes(reduction)]
  if (!x || !axes || numerator?.length !== 1 || floor?.length !== 1 || !(floor[0] > 0)) return undefined
  return { x, axes, numerator: numerator[0], floor: floor[0] }
}

/** Proves that multiplying `factor` by any number changes no output, up to rounding. */
function outputsAreFreeOf(facts: ProgramFacts, factor: Value): boolean {
  const powers = new Map<Value, number>([[factor, 1]])
  const powerOf = (value: Value) => powers.get(value) ?? 0
  for (const operation of facts.func.operations) {
    if (operation.results.includes(factor) || usesOf(operation).every((value) => powerOf(value) === 0)) continue
    const power = powerOfResult(facts, operation, powerOf)
    if (power === undefined) return false
    for (const value of operation.results) powers.set(value, Math.abs(power) < TOLERANCE ? 0 : power)
  }
  return facts.func.outputs.every((value) => powerOf(value) === 0)
}

function powerOfResult(
  facts: ProgramFacts,
  operation: Operation,
  powerOf: (value: Value) => number,
): number | undefined {
  const { op } = operation
  const of = (name: string) => {
    const value = facts.value(operation, name)
    return value ? powerOf(value) : 0
  }
  if (op === 'mul' || op === 'matmul') return of('x') + of('y')
  if (op === 'real_div') return of('x') - of('y')
  if (KEEPING.has(op)) return of('x')
  if (op === 'pow') {
    const exponent = facts.numbers(operation, 'y')
    return exponent?.length === 1 ? of('x') * exponent[0] : undefined
  }
  if (op !== 'add' && op !== 'sub' && op !== 'concat') return undefined
  const joined =
    op === 'concat'
      ? facts.values(operation, 'values')
      : [...facts.values(operation, 'x'), ...facts.values(operation, 'y')]
  const [first, ...others] = joined.map(powerOf)
  return others.every((power) => Math.abs(power - first) < TOLERANCE) ? first : undefined
}
