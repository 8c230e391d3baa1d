/** Products whose inner size is no multiple of 32, completed with zeros. */

import type { Builder } from '../../builder.js'
import type { TensorType, Value } from '../../ir.js'
import { matmulInner } from '../rules/sizes.js'
import { dims, rewriting } from './rewriting.js'
import { zeros } from './zeros.js'

/** Inner sizes that M1 multiplies are multiples of this. */
const STEP = 32

/** Joins zeros to both operands of a matmul along the axis that is summed; the result keeps its bits. */
export const padInnerDimensions = rewriting(['matmul'], ({ b, operation, original, facts, operand }) => {
  const inner = matmulInner(facts, original)
  const [x, y] = [operand('x'), operand('y')]
  if (inner === undefined || inner % STEP === 0 || dims(x).length < 2 || dims(y).length < 2) return undefined
  const missing = STEP - (inner % STEP)
  const [turnedX, turnedY] = ['transpose_x', 'transpose_y'].map((name) => facts.numbers(original, name)?.[0] === 1)
  const [result] = operation.results
  const operands = {
    x: withZeros(b, x, dims(x).length - (turnedX ? 2 : 1), missing, `${result.name}_x`),
    y: withZeros(b, y, dims(y).length - (turnedY ? 1 : 2), missing, `${result.name}_y`),
    transpose_x: turnedX,
    transpose_y: turnedY,
  }
  return [b.matmul(operands, result.name)]
})

function withZeros(b: Builder, x: Value, axis: number, missing: number, name: string): Value {
  const shape = dims(x).map((dim, i) => (i === axis ? missing : dim))
  return b.concat(
    { values: [x, zeros(b, (x.type as TensorType).dtype, shape)], axis, interleave: false },
    `${name}_padded`,
  )
}
