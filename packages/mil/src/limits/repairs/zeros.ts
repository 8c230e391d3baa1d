/** Zeros that complete values. */

import type { Builder } from '../../builder.js'
import { weightPath } from '../../constant-files.js'
import type { Dtype, Value } from '../../ir.js'
import { elementCount } from '../../tensor.js'

/** A constant of zeros; equal ones share a weight file. */
export function zeros(b: Builder, dtype: Dtype, shape: readonly number[]): Value {
  const name = `zeros_${dtype}_${shape.join('_')}`
  const path = weightPath(name)
  for (const [value, literal] of b.constants) {
    if (literal.value.kind === 'blob' && literal.value.path === path) return value
  }
  return b.constant(dtype, shape, new Float32Array(elementCount(shape)), { name, path })
}
