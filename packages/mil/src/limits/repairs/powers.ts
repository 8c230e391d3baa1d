/** Roots, reciprocals and quotients as powers and products. */

import { roundToFp16 } from '../../fp16.js'
import type { Value } from '../../ir.js'
import { isFloating, rewriting, type Site } from './rewriting.js'

/** rsqrt → pow(x + ε, −0.5); sqrt → pow(x, 0.5). */
export const powerRoots = rewriting(['rsqrt', 'sqrt'], (site) => {
  const { b, operation } = site
  const [{ name }] = operation.results
  if (operation.op === 'rsqrt') return [b.pow({ x: withEpsilon(site, 1e-12), y: -0.5 }, name)]
  return [b.pow({ x: site.operand('x'), y: 0.5 }, name)]
})

/** inverse → pow(x + ε, −1); x / y → x · pow(y, −1), or a product with 1/y where y is a constant number. */
export const multiplyReciprocals = rewriting(['inverse', 'real_div'], (site) => {
  const { b, operation, original, facts } = site
  const [{ name }] = operation.results
  if (operation.op === 'inverse') return [b.pow({ x: withEpsilon(site, 1e-4), y: -1 }, name)]
  const [x, y] = [site.operand('x'), site.operand('y')]
  if (!isFloating(x)) return undefined
  const number = facts.numbers(original, 'y')
  if (number?.length === 1 && isExactReciprocal(number[0])) return [b.mul({ x, y: 1 / number[0] }, name)]
  return [b.mul({ x, y: b.pow({ x: y, y: -1 }, `${name}_reciprocal`) }, name)]
})

/** Powers of two whose reciprocal fp16 holds. */
function isExactReciprocal(number: number): boolean {
  return Number.isInteger(Math.log2(Math.abs(number))) && roundToFp16(1 / number) === 1 / number
}

function withEpsilon(site: Site, usual: number): Value {
  const { b, operation, original, facts } = site
  const x = site.operand('x')
  const given = facts.numbers(original, 'epsilon')?.[0] ?? usual
  const epsilon = x.type.kind === 'tensor' && x.type.dtype === 'fp16' ? roundToFp16(given) : given
  return epsilon === 0 ? x : b.add({ x, y: epsilon }, `${operation.results[0].name}_floor`)
}
