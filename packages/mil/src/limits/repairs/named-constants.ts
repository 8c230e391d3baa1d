/** Immediate operands as constants with a name. */

import type { Block, Function as Func, Literal, Operand, Operation, Value } from '../../ir.js'
import { stringLiteral } from '../../literals.js'
import { NameScope } from '../../name-scope.js'
import { mapFunctions } from '../../value-graph.js'
import { namesOf, type Repair } from './rewriting.js'

/** Gives every immediate operand a `const` in front of its operation; `const` and `constexpr_*` keep theirs. */
export const nameConstants: Repair = (program, blobs) => {
  let count = 0
  const rewritten = mapFunctions(program, (func: Func) => {
    const names = new NameScope()
    for (const name of namesOf(func)) names.unique(name)
    const named = (block: Block): Operation[] =>
      block.operations.flatMap((operation) => {
        const blocks = operation.blocks.map((inner) => ({ ...inner, operations: named(inner) }))
        if (operation.op === 'const' || operation.op.startsWith('constexpr_')) return [{ ...operation, blocks }]
        const constants: Operation[] = []
        const hoist = (literal: Literal, name: string): Operand => {
          const value: Value = {
            name: names.unique(`${operation.results[0]?.name ?? operation.op}_${name}`),
            type: literal.type,
          }
          const attributes = { name: stringLiteral(value.name) }
          constants.push({
            op: 'const',
            operands: { val: { kind: 'literal', literal } },
            attributes,
            results: [value],
            blocks: [],
          })
          return { kind: 'value', value }
        }
        const bound = (operand: Operand, name: string): Operand => {
          if (operand.kind === 'literal') return hoist(operand.literal, name)
          if (operand.kind === 'value') return operand
          return { kind: 'list', items: operand.items.map((item, i) => bound(item, `${name}_${i}`)) }
        }
        const operands = Object.fromEntries(
          Object.entries(operation.operands).map(([name, operand]) => [name, bound(operand, name)]),
        )
        count += constants.length
        return [...constants, { ...operation, operands, blocks }]
      })
    return { ...func, operations: named(func) }
  })
  return { program: count > 0 ? rewritten : program, blobs, count }
}
