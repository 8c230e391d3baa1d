/** Inputs and outputs: what is returned, and names whose alphabetical order is the order of binding. */

import type { BlobFiles, Function as Func, Operation, Program, Value } from '../../ir.js'
import { numericLiteral, stringLiteral, tensorType } from '../../literals.js'
import { NameScope } from '../../name-scope.js'
import { isFloat, tensorOf } from '../../tensor.js'
import { mapFunctions, mapUses, producersOf } from '../../value-graph.js'
import type { ResolvedTarget } from '../chips.js'
import { ProgramFacts } from '../facts.js'
import { namesOf, type Repair, type Repaired } from './rewriting.js'

/** Replaces outputs that are identities or inputs by a product with 1, which keeps every bit. */
export const computedOutputs: Repair = (program, blobs) => {
  let count = 0
  const rewritten = mapFunctions(program, (func) => {
    const producers = producersOf(func)
    const names = new NameScope()
    for (const name of namesOf(func)) names.unique(name)
    let operations = func.operations
    const outputs = func.outputs.map((value) => {
      const producer = producers.get(value)
      const type = tensorOf(value.type)
      if (!type || !isFloat(type.dtype)) return value
      if (producer?.op === 'identity' && producer.operands.x) {
        count++
        operations = operations.flatMap((operation) =>
          operation === producer ? timesOne(producer.operands.x, value, names) : [operation],
        )
        return value
      }
      if (!func.inputs.includes(value)) return value
      count++
      const output: Value = { name: names.unique(`${value.name}_output`), type: value.type }
      operations = [...operations, ...timesOne({ kind: 'value', value }, output, names)]
      return output
    })
    return { ...func, operations, outputs }
  })
  return { program: count > 0 ? rewritten : program, blobs, count }
}

function timesOne(x: Operation['operands'][string], result: Value, names: NameScope): Operation[] {
  const dtype = tensorOf(result.type)!.dtype
  const one: Value = { name: names.unique(`${result.name}_one`), type: tensorType(dtype, []) }
  const literal = numericLiteral(dtype, [], [1])
  return [
    {
      op: 'const',
      operands: { val: { kind: 'literal', literal } },
      attributes: { name: stringLiteral(one.name) },
      results: [one],
      blocks: [],
    },
    {
      op: 'mul',
      operands: { x, y: { kind: 'value', value: one } },
      attributes: { name: stringLiteral(result.name) },
      results: [result],
      blocks: [],
    },
  ]
}

/** A repair of the interface tells the new names of what it renamed. */
export interface InterfaceRepair extends Repaired {
  readonly renamed: Readonly<Record<string, string>>
}

/**
 * Renames inputs and outputs so that they are declared in alphabetical order.
 *
 * On M1 they are also ordered by size, inputs rising and outputs falling. Names that are in order already stay.
 */
export function orderInterface(program: Program, blobs: BlobFiles, target: ResolvedTarget): InterfaceRepair {
  const renamed: Record<string, string> = {}
  const rewritten = mapFunctions(program, (func) => {
    const facts = new ProgramFacts(program, func, target)
    const bySize = target.chip.family === 'm1'
    const size = (value: Value) => facts.bytes(value) ?? 0
    const inputs = bySize ? func.inputs.toSorted((a, b) => size(a) - size(b)) : func.inputs
    const outputs = bySize ? func.outputs.toSorted((a, b) => size(b) - size(a)) : func.outputs
    const names = new NameScope()
    for (const name of namesOf(func)) names.unique(name)
    const replaced = new Map<Value, Value>([...reordered(inputs, 'in', names), ...reordered(outputs, 'out', names)])
    for (const [from, to] of replaced) renamed[from.name] = to.name
    return withValues({ ...func, inputs: [...inputs], outputs: [...outputs] }, replaced)
  })
  const count = Object.keys(renamed).length
  const moved = rewritten.functions.some((func, i) =>
    func.inputs.some((input, at) => input !== program.functions[i].inputs[at]),
  )
  return { program: rewritten, blobs, count: count > 0 ? count : moved ? 1 : 0, renamed }
}

/** New values for a list whose names do not rise: `in00_x`, `in01_w`, … */
function reordered(values: readonly Value[], prefix: string, names: NameScope): [Value, Value][] {
  if (values.every(({ name }, i) => i === 0 || values[i - 1].name < name)) return []
  const digits = String(values.length - 1).length
  return values.map((value, i) => {
    const name = names.unique(`${prefix}${String(i).padStart(digits, '0')}_${value.name}`)
    return [value, { name, type: value.type }]
  })
}

/** Returns a function with values replaced wherever they are made, used and returned. */
export function withValues(func: Func, replaced: ReadonlyMap<Value, Value>): Func {
  if (replaced.size === 0) return func
  const replace = (value: Value) => replaced.get(value) ?? value
  const operations = func.operations.map((original) => {
    const operation = mapUses(original, replace)
    const results = operation.results.map(replace)
    const named = results.length === 1 && results[0] !== original.results[0]
    const attributes = named ? { ...operation.attributes, name: stringLiteral(results[0].name) } : operation.attributes
    return { ...operation, results, attributes }
  })
  return { ...func, inputs: func.inputs.map(replace), operations, outputs: func.outputs.map(replace) }
}

/**
 * Returns the parts of outputs joined by `concat` instead of the whole.
 *
 * @returns the program and the names of the parts of each output that was cut
 */
export function separateOutputs(program: Program): { program: Program; separated: Record<string, string[]> } {
  const separated: Record<string, string[]> = {}
  const rewritten = mapFunctions(program, (func) => {
    const producers = producersOf(func)
    const isComputed = (value: Value) => producers.has(value) && producers.get(value)?.op !== 'const'
    const outputs = func.outputs.flatMap((value) => {
      const operation = producers.get(value)
      const { values } = operation?.op === 'concat' ? operation.operands : {}
      const items = values?.kind === 'list' ? values.items : []
      const parts = items.flatMap((item) => (item.kind === 'value' && isComputed(item.value) ? [item.value] : []))
      const distinct =
        parts.length === items.length &&
        new Set([...func.outputs, ...parts]).size === func.outputs.length + parts.length
      if (parts.length === 0 || !distinct) return [value]
      separated[value.name] = parts.map(({ name }) => name)
      return parts
    })
    return { ...func, outputs }
  })
  return { program: rewritten, separated }
}
