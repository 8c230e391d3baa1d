/** The shape of one row of the limits: what breaks, where it was seen, how it is found and how it is repaired. */

import type { Operation, Value } from '../ir.js'
import type { ChipFamily } from './chips.js'
import type { ProgramFacts } from './facts.js'

/** What a limit is about, in the order of the table. */
export const limitSections = [
  'descriptor',
  'operators',
  'shapes',
  'io',
  'weights',
  'compile',
  'numerics',
  'performance',
] as const

/** One of `limitSections`. */
export type LimitSection = (typeof limitSections)[number]

/** What a program that breaks the limit does; of several reported symptoms the worst. */
export type Symptom = 'compile' | 'evaluate' | 'wrong data' | 'process' | 'slow'

/** How a limit can be checked: from the program, with surface sizes, only while running, or from the target. */
export type LimitCheck = 'text' | 'io' | 'run' | 'cfg'

/** How sure a limit is to break a program. */
export type LimitSeverity = 'error' | 'warning' | 'info'

/** Who reported a limit, in the codes of `evidenceSources`. */
export interface Evidence {
  readonly sources: string
  /** Reports that disagree; such a limit is never more than a warning. */
  readonly contradicted?: string
}

/** Repairs `lower` knows, in the order they run. */
export const repairNames = [
  'name-constants',
  'build-info',
  'explicit-attention',
  'split-activations',
  'split-normalizations',
  'separate-bias',
  'power-roots',
  'scale-by-mean',
  'multiply-reciprocals',
  'join-repeats',
  'slice-splits',
  'drop-zero-products',
  'join-weight-records',
  'pad-inner-dimensions',
  'own-weight-files',
  'computed-outputs',
  'order-interface',
  'spell-for-chip',
] as const

/** One of `repairNames`. */
export type RepairName = (typeof repairNames)[number]

/** What `lower` changes only when asked to. */
export interface LowerOptions {
  /** `pad` widens inputs and outputs to multiples of 32 columns; what was there stays in front, the rest is 0. */
  readonly widths?: 'pad'
}

/** Something that breaks a limit. */
export interface Finding {
  /** `Expected <what> for <name>, got <value>.` */
  readonly message: string
  readonly operation?: Operation
  /** The value concerned, where it is no operation's result. */
  readonly value?: Value
  /** The repairs of the row do not help here. */
  readonly unrepairable?: boolean
  /** Overrides the severity of the row downwards. */
  readonly severity?: LimitSeverity
}

/** Looks for what breaks a limit in one function. */
export type Checker = (facts: ProgramFacts) => Iterable<Finding>

/** One limit. */
export interface LimitRule {
  /** `C-20` …; `L-…` are this project's own. */
  readonly id: string
  readonly section: LimitSection
  readonly rule: string
  readonly symptom: Symptom
  /** Families the limit was reported on; on others it is reported as `info`. */
  readonly chips: 'all' | readonly ChipFamily[]
  /** Chips and systems as reported, where that is narrower than the families. */
  readonly seen?: string
  /** macOS versions it holds for, both included. */
  readonly os?: { readonly from?: string; readonly to?: string }
  readonly evidence: Evidence
  readonly severity: LimitSeverity
  readonly check: LimitCheck
  readonly checker?: Checker
  /** What to do about it. */
  readonly fix?: string
  /** The repairs that remove it. */
  readonly repair?: RepairName | readonly RepairName[]
  /** The options with which `lower` removes it. */
  readonly option?: LowerOptions
}

/** What the codes in `Evidence.sources` stand for. */
export const evidenceSources: Readonly<Record<string, string>> = {
  M: 'maderix/ANE: README, training README, benchmark and M5 probe reports, code; M#n its issue or pull request n',
  O: 'Orion documents (M4 Max)',
  FG: 'a field guide measured on M3 Max, macOS 26.3.1',
  QA: 'qwen-ane reference (M5 Max, macOS 27)',
  IK: 'ane-train cheat sheet (M1, M1 Pro, macOS 26)',
  IM: 'ironmill probe (M3 Pro, macOS build 25E246)',
  AF: 'ANEForge capabilities and issues (M1 Max, M2 Pro, M5 Pro; the e5rt path)',
  RN: 'rustane README and issue 11 (M4 Max, M2 Max)',
  ES: 'Espresso notes and issue 18 (M1–M4)',
  SK: 'slavko ANE-Training notes (M3 Pro, M4)',
  S1: 'measurements in M#24 (M1 Pro, macOS 26.2)',
  M6: 'microarchitecture study of 751K (M6)',
  LA: 'llms-on-ANE (M5 Pro, macOS 27)',
  AA: 'autoresearch-ANE (M4 Max)',
  PS: 'the 192 programs of the collected training and inference code, and 45 compiled Core ML models',
}
