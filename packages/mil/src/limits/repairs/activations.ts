/** Activations in the operations of the known kernels. */

import type { Value } from '../../ir.js'
import { rewriting, type Site } from './rewriting.js'

/** gelu → tanh or sigmoid form, silu → x · sigmoid(x), square → x · x. */
export const splitActivations = rewriting(['gelu', 'silu', 'square'], (site) => {
  const { b, operation } = site
  const x = site.operand('x')
  const name = operation.results[0].name
  switch (operation.op) {
    case 'gelu':
      return [gelu(site, x, name)]
    case 'silu':
      return [b.mul({ x, y: b.sigmoid({ x }, `${name}_sigmoid`) }, name)]
    default:
      return [b.mul({ x, y: x }, name)]
  }
})

/**
 * x/2 · (1 + tanh(√(2/π) · x · (1 + 0.044715 x²))); x² may overflow to infinity, where tanh is ±1 as it should be.
 *
 * The exact form differs from it by at most 5e-4.
 */
function gelu({ b, original, facts }: Site, x: Value, name: string): Value {
  if (facts.text(original, 'mode') === 'SIGMOID_APPROXIMATION') {
    return b.mul({ x, y: b.sigmoid({ x: b.mul({ x, y: 1.702 }, `${name}_scaled`) }, `${name}_sigmoid`) }, name)
  }
  const squared = b.mul({ x, y: x }, `${name}_squared`)
  const factor = b.add({ x: b.mul({ x: squared, y: 0.044715 }, `${name}_cubic`), y: 1 }, `${name}_factor`)
  const inner = b.mul({ x: b.mul({ x, y: factor }, `${name}_inner`), y: Math.sqrt(2 / Math.PI) }, `${name}_angle`)
  const gate = b.add({ x: b.tanh({ x: inner }, `${name}_tanh`), y: 1 }, `${name}_gate`)
  return b.mul({ x: b.mul({ x, y: 0.5 }, `${name}_half`), y: gate }, name)
}
