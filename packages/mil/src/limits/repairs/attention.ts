/** scaled_dot_product_attention written out, so that its mask is not ignored. */

import type { Value } from '../../ir.js'
import { dims, rewriting, type Site } from './rewriting.js'

/** What is added to the scores of masked keys: the most negative fp16 number. */
const MASKED = 65504

/** softmax(query / sqrt(E) · keyᵀ + mask) · value; the query is scaled first, which keeps the scores in the fp16 range. */
export const explicitAttention = rewriting(['scaled_dot_product_attention'], (site) => {
  const { b, operation } = site
  const name = operation.results[0].name
  const query = site.operand('query')
  const scaled = b.mul({ x: query, y: dims(query).at(-1)! ** -0.5 }, `${name}_scaled`)
  const operands = { x: scaled, y: site.operand('key'), transpose_x: false, transpose_y: true }
  const scores = b.matmul(operands, `${name}_scores`)
  const masked = operation.operands.attn_mask ? b.add({ x: scores, y: additive(site, name) }, `${name}_masked`) : scores
  const probabilities = b.softmax({ x: masked, axis: -1 }, `${name}_probabilities`)
  return [b.matmul({ x: probabilities, y: site.operand('value'), transpose_x: false, transpose_y: false }, name)]
})

/** The mask as a number to add; a bool one keeps where it is true. */
function additive(site: Site, name: string): Value {
  const { b } = site
  const mask = site.operand('attn_mask')
  const { type } = site.operand('query')
  const dtype = type.kind === 'tensor' ? type.dtype : 'fp16'
  if (mask.type.kind === 'tensor' && mask.type.dtype === dtype) return mask
  const cast = b.cast({ x: mask, dtype }, `${name}_mask_cast`)
  if (mask.type.kind !== 'tensor' || mask.type.dtype !== 'bool') return cast
  return b.mul({ x: b.sub({ x: cast, y: 1 }, `${name}_mask_off`), y: MASKED }, `${name}_mask`)
}
