/** The table of limits. */

import type { LimitRule } from './rule.js'
import { compileRules } from './rules/compile.js'
import { descriptorRules } from './rules/descriptor.js'
import { ioRules } from './rules/io.js'
import { numericRules } from './rules/numerics.js'
import { operandTypeRules } from './rules/operand-types.js'
import { operandRules } from './rules/operands.js'
import { operatorFormRules } from './rules/operator-forms.js'
import { operatorRules } from './rules/operators.js'
import { performanceRules } from './rules/performance.js'
import { shapeRules } from './rules/shapes.js'
import { sizeRules } from './rules/sizes.js'
import { weightRules } from './rules/weights.js'

/** Every known limit, by section. */
export const limitRules: readonly LimitRule[] = [
  ...descriptorRules,
  ...operatorRules,
  ...operatorFormRules,
  ...operandTypeRules,
  ...operandRules,
  ...shapeRules,
  ...sizeRules,
  ...ioRules,
  ...weightRules,
  ...compileRules,
  ...numericRules,
  ...performanceRules,
]

const byId = new Map(limitRules.map((rule) => [rule.id, rule]))

/** The limit of an id such as `C-20`, undefined if there is none. */
export function limitRule(id: string): LimitRule | undefined {
  return byId.get(id)
}
