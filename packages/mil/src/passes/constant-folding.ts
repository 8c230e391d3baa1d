/** Computation of everything that does not depend on an input. */

import { evaluate } from '../evaluate.js'
import type { Function as Func, Operation, Program, TensorType, Value } from '../ir.js'
import { constantsOf, numericLiteral } from '../literals.js'
import { opRow } from '../ops/table.js'
import { elementCount } from '../tensor.js'
import { mapFunctions, usesOf } from '../value-graph.js'

/** Larger results stay computed: their text would be longer than the operations. */
const FOLDED_ELEMENTS = 4096

/**
 * Returns the program with operations on constants replaced by their results, rounded to the declared types.
 *
 * Constants in files and results of more than 4096 elements are left alone.
 */
export function foldConstants(program: Program): Program {
  return mapFunctions(program, (func) => {
    const foldable = foldableOperations(func)
    if (foldable.size === 0) return func
    const folded = new Map(evaluateAll(program, func, foldable))
    return { ...func, operations: func.operations.flatMap((operation) => folded.get(operation) ?? [operation]) }
  })
}

function foldableOperations(func: Func): Set<Operation> {
  const known = new Set<Value>()
  for (const [value, literal] of constantsOf(func)) if (literal.value.kind !== 'blob') known.add(value)
  const foldable = new Set<Operation>()
  for (const operation of func.operations) {
    const { op, blocks, results } = operation
    if (op === 'const' || op === 'identity' || blocks.length > 0 || !opRow(op)?.evaluate) continue
    if (/^(random|constexpr)_|_state$/.test(op) || !results.every(isSmall)) continue
    if (!usesOf(operation).every((value) => known.has(value))) continue
    foldable.add(operation)
    for (const value of results) known.add(value)
  }
  return foldable
}

function isSmall({ type }: Value): boolean {
  if (type.kind !== 'tensor' || type.dtype === 'string' || type.shape.includes(null)) return false
  return elementCount(type.shape as number[]) <= FOLDED_ELEMENTS
}

function evaluateAll(program: Program, func: Func, foldable: Set<Operation>): [Operation, Operation[]][] {
  const operations = func.operations.filter((operation) => operation.op === 'const' || foldable.has(operation))
  const outputs = [...foldable].flatMap((operation) => operation.results)
  const needed = new Set([...foldable].flatMap(usesOf))
  const used = operations.filter((operation) => foldable.has(operation) || needed.has(operation.results[0]))
  const part: Func = { ...func, inputs: [], operations: used, outputs }
  const values = evaluate({ ...program, functions: [part] }, {}, { function: func.name })
  return [...foldable].map((operation) => [
    operation,
    operation.results.map((value): Operation => {
      const { dtype, shape } = value.type as TensorType
      const literal = numericLiteral(dtype, shape as number[], values[value.name].data)
      return {
        op: 'const',
        operands: { val: { kind: 'literal', literal } },
        attributes: operation.results.length === 1 ? operation.attributes : {},
        results: [value],
        blocks: [],
      }
    }),
  ])
}
