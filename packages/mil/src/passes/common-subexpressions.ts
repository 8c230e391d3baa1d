/** Merging of operations that compute the same thing. */

import { constantKey } from '../builder-operands.js'
import type { Function as Func, Operand, Operation, Program, Value } from '../ir.js'
import { stringLiteral } from '../literals.js'
import { mapFunctions, mapUses } from '../value-graph.js'

/** Returns the program with equal operations on equal operands merged into the first; output names stay. */
export function eliminateCommonSubexpressions(program: Program): Program {
  return mapFunctions(program, mergeEqual)
}

function mergeEqual(func: Func): Func {
  const outputs = new Set(func.outputs)
  const ids = new Map<Value, number>()
  const merged = new Map<Value, Value>()
  const first = new Map<string, Operation>()
  const kept: Operation[] = []
  const replace = (value: Value): Value => merged.get(value) ?? value
  const id = (value: Value): number => {
    if (!ids.has(value)) ids.set(value, ids.size)
    return ids.get(value)!
  }
  for (const original of func.operations) {
    const operation = mapUses(original, replace)
    const key = operationKey(operation, id)
    const earlier = key === undefined ? undefined : first.get(key)
    const bothOutputs = earlier?.results.some((value, i) => outputs.has(value) && outputs.has(operation.results[i]))
    if (earlier && !bothOutputs) {
      operation.results.forEach((value, i) => {
        merged.set(value, earlier.results[i])
        // The merged value takes the output's name, so no second output may be merged into it.
        if (outputs.has(value)) outputs.add(earlier.results[i])
      })
      continue
    }
    if (key !== undefined && !earlier) first.set(key, operation)
    kept.push(operation)
  }
  return keepOutputNames({ ...func, operations: kept }, merged)
}

/** Where an output was merged into a value of another name, that value takes the output's name. */
function keepOutputNames(func: Func, merged: ReadonlyMap<Value, Value>): Func {
  const renamed = new Map<Value, Value>()
  const outputs = func.outputs.map((value) => {
    const target = merged.get(value)
    if (!target) return value
    const output: Value = { name: value.name, type: value.type }
    renamed.set(target, output)
    return output
  })
  if (renamed.size === 0) return func
  const replace = (value: Value): Value => renamed.get(value) ?? value
  const operations = func.operations.map((original) => {
    const operation = mapUses(original, replace)
    const results = operation.results.map(replace)
    const named = results.length === 1 && results[0] !== original.results[0]
    const attributes = named ? { ...operation.attributes, name: stringLiteral(results[0].name) } : operation.attributes
    return { ...operation, results, attributes }
  })
  return { ...func, operations, outputs: outputs.map(replace) }
}

/** Equal for operations that yield equal results; undefined for those that must not be merged. */
function operationKey(operation: Operation, id: (value: Value) => number): string | undefined {
  const { op, operands, attributes, results, blocks } = operation
  if (blocks.length > 0 || /^random_|_state$/.test(op)) return undefined
  const operandKey = (operand: Operand): string => {
    if (operand.kind === 'value') return `%${id(operand.value)}`
    return operand.kind === 'list' ? `(${operand.items.map(operandKey)})` : constantKey(operand.literal)
  }
  const parts = Object.entries(operands).map(([name, operand]) => `${name}=${operandKey(operand)}`)
  const annotations = Object.entries(attributes)
    .filter(([name]) => name !== 'name')
    .map(([name, literal]) => `${name}:${constantKey(literal)}`)
  return `${op}(${parts.sort()})[${annotations.sort()}]${JSON.stringify(results.map((value) => value.type))}`
}
