/** One forward operation as its derivative sees it, and the check of what the derivative returns. */

import type { BackwardGraph } from './backward-graph.js'
import type { Operation, TensorType, Value } from './ir.js'
import { operandCall } from './ops/call.js'
import { OpError, type VjpCall } from './ops/row.js'
import { opRow } from './ops/table.js'

/** Makes the `VjpCall` of an operation; `dy` are the gradients of its results, `needs` the operands that want one. */
export function vjpCall(
  graph: BackwardGraph,
  operation: Operation,
  dy: readonly (Value | undefined)[],
  needs: ReadonlySet<string>,
): VjpCall {
  const { operands, results } = operation
  const call = operandCall(opRow(operation.op)!, operands, (value) => graph.forwardConstants.get(value))
  const given = (name: string) => {
    const operand = operands[name]
    if (!operand) throw new OpError(`Expected a value for ${name}, got none.`)
    return operand
  }
  return {
    op: call.op,
    has: (name) => call.has(name),
    type: (name) => call.type(name),
    types: (name) => call.types(name),
    numbers: (name) => call.numbers(name),
    number: (name) => call.number(name),
    flag: (name) => call.flag(name),
    text: (name) => call.text(name),
    b: graph.b,
    value: (name) => graph.operand(given(name)),
    values: (name) => {
      const operand = given(name)
      return operand.kind === 'list' ? operand.items.map((item) => graph.operand(item)) : [graph.operand(operand)]
    },
    get y() {
      return results.map((value) => graph.value(value))
    },
    dy,
    needs: (name) => needs.has(name),
  }
}

/** Checks that a gradient has the type of its operand. @throws {OpError} if it differs */
export function checkGradient(operation: Operation, name: string, value: Value, gradient: Value): void {
  const expected = value.type as TensorType
  const actual = gradient.type as TensorType
  if (expected.dtype === actual.dtype && String(expected.shape) === String(actual.shape)) return
  const spelled = (type: TensorType) => `${type.dtype} [${type.shape}]`
  throw new OpError(
    `Expected ${spelled(expected)} for the gradient of ${name} of ${operation.op} ${operation.results[0].name}, got ${spelled(actual)}.`,
  )
}
