/** Removal of products with ones that only repeat a value, where the next operation repeats it anyway. */

import type { Function as Func, Literal, Operand, Operation, Program, TensorType, Value } from '../ir.js'
import { constantNumbers, constantsOf } from '../literals.js'
import { mapFunctions, mapUses, producersOf } from '../value-graph.js'

/** Operations whose operands `x` and `y` are repeated to a common shape. */
const BROADCASTING = new Set(['add', 'maximum', 'minimum', 'mul', 'pow', 'real_div', 'sub'])

/** Returns the program with `mul` by ones left out where the result keeps its shape; the products themselves stay. */
export function elideBroadcasts(program: Program): Program {
  return mapFunctions(program, (func) => {
    const constants = constantsOf(func)
    const producers = producersOf(func)
    const operations = func.operations.map((operation) => elide(operation, producers, constants))
    return { ...func, operations } satisfies Func
  })
}

function elide(
  operation: Operation,
  producers: ReadonlyMap<Value, Operation>,
  constants: ReadonlyMap<Value, Literal>,
): Operation {
  if (!BROADCASTING.has(operation.op)) return operation
  let current = operation
  for (const [name, other] of [
    ['x', 'y'],
    ['y', 'x'],
  ]) {
    const [operand, partner] = [current.operands[name], current.operands[other]]
    const source = repeatedBy(operand, producers, constants)
    if (!source || operand?.kind !== 'value' || partner?.kind !== 'value' || partner.value === operand.value) continue
    const keepsShape = broadcast(shapeOf(source), shapeOf(partner.value)) === String(shapeOf(operation.results[0]))
    if (keepsShape) current = mapUses(current, (value) => (value === operand.value ? source : value))
  }
  return current
}

/** The value a product with ones repeats. */
function repeatedBy(
  operand: Operand | undefined,
  producers: ReadonlyMap<Value, Operation>,
  constants: ReadonlyMap<Value, Literal>,
): Value | undefined {
  const product = operand?.kind === 'value' ? producers.get(operand.value) : undefined
  if (product?.op !== 'mul') return undefined
  const { x, y } = product.operands
  const isOnes = (side: Operand) => constantNumbers(side, constants)?.every((number) => number === 1) ?? false
  if (x?.kind === 'value' && y && isOnes(y)) return x.value
  return y?.kind === 'value' && x && isOnes(x) ? y.value : undefined
}

function shapeOf(value: Value): TensorType['shape'] {
  return (value.type as TensorType).shape
}

/** The common shape as text; `?` dimensions are kept apart from every number. */
function broadcast(a: TensorType['shape'], b: TensorType['shape']): string {
  const rank = Math.max(a.length, b.length)
  const dims = Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1]
    return x === 1 ? y : x
  })
  return String(dims)
}
