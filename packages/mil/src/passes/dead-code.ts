/** Removal of operations nothing depends on. */

import type { Program, Value } from '../ir.js'
import { mapFunctions, usesOf } from '../value-graph.js'

/** Operations that change a state and therefore stay. */
const EFFECTS = new Set(['coreml_update_state', 'write_state'])

/** Returns the program without operations whose results no output needs; inputs stay. */
export function eliminateDeadCode(program: Program): Program {
  return mapFunctions(program, (func) => {
    const live = new Set<Value>(func.outputs)
    const kept = []
    for (const operation of func.operations.toReversed()) {
      if (!EFFECTS.has(operation.op) && !operation.results.some((value) => live.has(value))) continue
      for (const value of usesOf(operation)) live.add(value)
      kept.push(operation)
    }
    return { ...func, operations: kept.reverse() }
  })
}
