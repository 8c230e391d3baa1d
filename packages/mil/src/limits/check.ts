/** Checking a program against the limits of a chip before anything is compiled. */

import type { Operation, Program } from '../ir.js'
import { tensorOf } from '../tensor.js'
import { compareVersions, type ResolvedTarget, resolveTarget, type Target } from './chips.js'
import { ProgramFacts, type SurfaceSizes } from './facts.js'
import type { Finding, LimitRule, LimitSeverity, LowerOptions, Symptom } from './rule.js'
import { limitRules } from './rules.js'

/** What a program is checked for. */
export interface LimitTarget extends Target {
  /** Bytes allocated for the surfaces of inputs and outputs; packed sizes where absent. */
  readonly surfaces?: SurfaceSizes
}

/** One place where a program breaks a limit. */
export interface LimitDiagnostic {
  readonly severity: LimitSeverity
  /** What was expected and found, then why the severity is lower than the limit's where it is. */
  readonly message: string
  /** Id of the limit, e.g. `C-20`. */
  readonly rule: string
  readonly symptom: Symptom
  readonly evidence: string
  readonly fix?: string
  /** Whether `lower` repairs it. */
  readonly repairable: boolean
  /** The options with which `lower` repairs it. */
  readonly option?: LowerOptions
  /** MIL name of the operation. */
  readonly op?: string
  /** Name of its first result, or of the input or output concerned. */
  readonly operation?: string
  readonly function?: string
  /** Position of the operation in the text, from 1; absent in programs that were not parsed. */
  readonly line?: number
  readonly column?: number
}

const RANK: Record<LimitSeverity, number> = { error: 0, warning: 1, info: 2 }

/**
 * Reports every limit of the target that the program breaks, errors first, then in the order of the table.
 *
 * A limit that other reports contradict is a warning; one reported for other chips only is `info`.
 *
 * @throws {RangeError} if the target is unknown
 */
export function checkLimits(program: Program, target: LimitTarget): LimitDiagnostic[] {
  const resolved = resolveTarget(target)
  const found: LimitDiagnostic[] = []
  for (const func of program.functions) {
    const facts = new ProgramFacts(program, func, resolved, target.surfaces)
    for (const rule of limitRules) {
      if (!rule.checker || !holdsOn(rule, resolved)) continue
      for (const finding of rule.checker(facts)) found.push(diagnostic(rule, finding, facts))
    }
  }
  return found
    .map((entry, index) => ({ entry, index }))
    .sort((a, b) => RANK[a.entry.severity] - RANK[b.entry.severity] || a.index - b.index)
    .map(({ entry }) => entry)
}

/** Tells whether a limit holds for the version of macOS. */
function holdsOn({ os }: LimitRule, target: ResolvedTarget): boolean {
  if (os?.from && compareVersions(target.os, os.from) < 0) return false
  return !os?.to || compareVersions(target.os, os.to) <= 0
}

/** Tells whether a limit was reported for the family of a chip. */
export function reportedFor({ chips }: LimitRule, target: ResolvedTarget): boolean {
  return chips === 'all' || chips.includes(target.chip.family)
}

/** Tells whether sizes are known only when the program runs, which most repairs need earlier. */
function isOpen(operation: Operation | undefined): boolean {
  return operation?.results.some(({ type }) => tensorOf(type)?.shape.includes(null) ?? true) ?? false
}

function diagnostic(rule: LimitRule, finding: Finding, { func, target }: ProgramFacts): LimitDiagnostic {
  const { id, symptom, evidence, fix, repair, option, chips, seen } = rule
  const { operation, value } = finding
  const elsewhere = !reportedFor(rule, target)
  const own = finding.severity && RANK[finding.severity] > RANK[rule.severity] ? finding.severity : rule.severity
  const notes = [
    ...(elsewhere
      ? [`Reported on ${seen ?? (chips as readonly string[]).join(', ')}, not on ${target.chip.name}.`]
      : []),
    ...(evidence.contradicted ? [`Reports disagree: ${evidence.contradicted}.`] : []),
  ]
  return {
    severity: elsewhere ? 'info' : own,
    message: [finding.message, ...notes].join(' '),
    rule: id,
    symptom,
    evidence: evidence.sources,
    ...(fix && { fix }),
    repairable: repair !== undefined && !finding.unrepairable && !isOpen(operation),
    ...(option && { option }),
    ...(operation && { op: operation.op }),
    ...((operation || value) && { operation: operation?.results[0]?.name ?? value?.name }),
    function: func.name,
    ...(operation?.position && { line: operation.position.line, column: operation.position.column }),
  }
}
