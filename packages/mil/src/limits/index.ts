export { checkLimits, type LimitDiagnostic, type LimitTarget } from './check.js'
export * from './chips.js'
export type { SurfaceSizes } from './facts.js'
export { type LoweredProgram, type LowerTarget, lower } from './lower.js'
export { surfaceColumns } from './repairs/widths.js'
export {
  type Evidence,
  evidenceSources,
  type LimitCheck,
  type LimitRule,
  type LimitSection,
  type LimitSeverity,
  type LowerOptions,
  limitSections,
  type RepairName,
  repairNames,
  type Symptom,
} from './rule.js'
export { limitRule, limitRules } from './rules.js'
