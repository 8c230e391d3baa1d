/** Following values through a program: who makes them, who uses them, and replacing them. */

import type { Block, Function as Func, Operand, Operation, Program, Value } from './ir.js'

/** Values an operand refers to, in order. */
export function valuesOf(operand: Operand): Value[] {
  if (operand.kind === 'value') return [operand.value]
  return operand.kind === 'list' ? operand.items.flatMap(valuesOf) : []
}

/** Values an operation uses: its operands, then what its blocks use. */
export function usesOf(operation: Operation): Value[] {
  const uses = Object.values(operation.operands).flatMap(valuesOf)
  for (const block of operation.blocks) uses.push(...block.operations.flatMap(usesOf), ...block.outputs)
  return uses
}

/** The operation behind each result at the top level of a function. */
export function producersOf(func: Func): Map<Value, Operation> {
  return new Map(func.operations.flatMap((operation) => operation.results.map((value) => [value, operation] as const)))
}

/** Every value of a function by name, inputs first; values inside blocks are not included. */
export function valuesByName(func: Func): Map<string, Value> {
  const values = [...func.inputs, ...func.operations.flatMap((operation) => operation.results)]
  return new Map(values.map((value) => [value.name, value]))
}

/** Returns an operand with its values replaced. */
function mapOperand(operand: Operand, replace: (value: Value) => Value): Operand {
  if (operand.kind === 'value') {
    const value = replace(operand.value)
    return value === operand.value ? operand : { kind: 'value', value }
  }
  return operand.kind === 'list'
    ? { kind: 'list', items: operand.items.map((item) => mapOperand(item, replace)) }
    : operand
}

/** Returns a copy of an operation with the values it uses replaced, inside its blocks too. */
export function mapUses(operation: Operation, replace: (value: Value) => Value): Operation {
  const operands: Record<string, Operand> = {}
  for (const [name, operand] of Object.entries(operation.operands)) operands[name] = mapOperand(operand, replace)
  const blocks = operation.blocks.map(
    (block): Block => ({
      ...block,
      operations: block.operations.map((inner) => mapUses(inner, replace)),
      outputs: block.outputs.map(replace),
    }),
  )
  return { ...operation, operands, blocks }
}

/** Returns a program with each function rewritten; the given one stays as it is. */
export function mapFunctions(program: Program, rewrite: (func: Func) => Func): Program {
  return { ...program, functions: program.functions.map(rewrite) }
}
