/** Shortening of chains of reshapes and transposes. */

import { shapeOf } from '../column-form.js'
import type { Function as Func, Operation, Program, TensorType, Value } from '../ir.js'
import { constantsOf, numericLiteral, stringLiteral } from '../literals.js'
import { contiguousView, isContiguous, isViewOperation, type StridedView, viewThrough } from '../strided-view.js'
import { mapFunctions, mapUses, valuesByName } from '../value-graph.js'

/** Returns the program with rearrangements that cancel removed, and those that keep the order made one reshape. */
export function simplifyViews(program: Program): Program {
  return mapFunctions(program, simplify)
}

/** A value seen as a rearrangement of an earlier one. */
interface Origin {
  readonly source: Value
  readonly view: StridedView
}

function simplify(func: Func): Func {
  const constants = constantsOf(func)
  const names = new Set(valuesByName(func).keys())
  const origins = new Map<Value, readonly Origin[]>()
  const replaced = new Map<Value, Value>()
  const operations: Operation[] = []
  for (const original of func.operations) {
    const operation = mapUses(original, (value) => replaced.get(value) ?? value)
    const [result] = operation.results
    const x = operation.operands.x
    if (!isViewOperation(operation) || x?.kind !== 'value' || [x.value, result].some(hasUnknownShape)) {
      operations.push(operation)
      continue
    }
    const own = { source: x.value, view: contiguousView(shapeOf(x.value)) }
    const chain = [own, ...(origins.get(x.value) ?? [])].flatMap(({ source, view }) => {
      const through = viewThrough(view, operation, constants)
      return through ? [{ source, view: through }] : []
    })
    origins.set(result, chain)
    const inOrder = chain.filter(({ view }) => isContiguous(view))
    const shape = shapeOf(result)
    const same = inOrder.find(({ source }) => String(shapeOf(source)) === String(shape))
    if (same && !func.outputs.includes(result)) {
      replaced.set(result, same.source)
      continue
    }
    const furthest = inOrder.at(-1)
    const shorter = furthest && (furthest.source !== x.value || operation.op === 'transpose')
    operations.push(...(shorter ? reshapeOf(furthest.source, operation, names) : [operation]))
  }
  return { ...func, operations }
}

function reshapeOf(source: Value, operation: Operation, names: Set<string>): Operation[] {
  const shape = shapeOf(operation.results[0])
  const stem = `c_shape_${shape.join('_')}`
  let name = stem
  for (let count = 1; names.has(name); count++) name = `${stem}_${count}`
  names.add(name)
  const literal = numericLiteral('int32', [shape.length], shape)
  const dims: Value = { name, type: literal.type }
  const attributes = { name: stringLiteral(name) }
  return [
    { op: 'const', operands: { val: { kind: 'literal', literal } }, attributes, results: [dims], blocks: [] },
    {
      ...operation,
      op: 'reshape',
      operands: { x: { kind: 'value', value: source }, shape: { kind: 'value', value: dims } },
    },
  ]
}

function hasUnknownShape({ type }: Value): boolean {
  return type.kind !== 'tensor' || (type as TensorType).shape.includes(null)
}
