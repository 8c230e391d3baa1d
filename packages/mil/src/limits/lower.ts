/** Bringing a program into a form a chip takes. */

import type { BlobFiles, Program } from '../ir.js'
import { eliminateDeadCode } from '../passes/dead-code.js'
import { checkLimits } from './check.js'
import { resolveTarget, type Target } from './chips.js'
import { splitActivations } from './repairs/activations.js'
import { explicitAttention } from './repairs/attention.js'
import { buildInfo, ownWeightFiles, spellForChip } from './repairs/descriptor.js'
import { padInnerDimensions } from './repairs/inner-dimensions.js'
import { computedOutputs, orderInterface, separateOutputs } from './repairs/interface.js'
import { dropZeroProducts, joinRepeats, separateBias, sliceSplits } from './repairs/joins.js'
import { nameConstants } from './repairs/named-constants.js'
import { splitNormalizations } from './repairs/normalizations.js'
import { multiplyReciprocals, powerRoots } from './repairs/powers.js'
import type { Repair } from './repairs/rewriting.js'
import { scaleByMean } from './repairs/scale-by-mean.js'
import { joinWeightRecords } from './repairs/weight-records.js'
import { padWidths } from './repairs/widths.js'
import { type LowerOptions, type RepairName, repairNames } from './rule.js'
import { limitRule } from './rules.js'

/** What a program is lowered for, and what may change. */
export interface LowerTarget extends Target, LowerOptions {
  /** Weight files of the program; needed where each weight must have a file of its own. */
  readonly blobs?: BlobFiles
  /** `separate` returns the parts of joined outputs, for chips that refuse `concat`. */
  readonly outputs?: 'separate'
}

/** A program for one chip. */
export interface LoweredProgram {
  readonly program: Program
  /** The weight files of the new program: those given and those repairs wrote. */
  readonly blobs: Map<string, Uint8Array>
  /** The repairs that changed something, in order, with the number of places. */
  readonly applied: readonly { readonly id: RepairName; readonly count: number }[]
  /** New names of renamed inputs and outputs by their old ones. */
  readonly renamed: Readonly<Record<string, string>>
  /** Outputs returned in parts: the names of the parts (after renaming), in order, by the name of the whole. */
  readonly separated: Readonly<Record<string, readonly string[]>>
}

const repairs: Record<Exclude<RepairName, 'order-interface'>, Repair> = {
  'name-constants': nameConstants,
  'build-info': buildInfo,
  'explicit-attention': explicitAttention,
  'split-activations': splitActivations,
  'split-normalizations': splitNormalizations,
  'separate-bias': separateBias,
  'power-roots': powerRoots,
  'scale-by-mean': scaleByMean,
  'multiply-reciprocals': multiplyReciprocals,
  'join-repeats': joinRepeats,
  'slice-splits': sliceSplits,
  'drop-zero-products': dropZeroProducts,
  'join-weight-records': joinWeightRecords,
  'pad-inner-dimensions': padInnerDimensions,
  'own-weight-files': ownWeightFiles,
  'computed-outputs': computedOutputs,
  'spell-for-chip': spellForChip,
}

/** Run for every target: what they change is never worse. */
const ALWAYS: readonly RepairName[] = ['name-constants', 'build-info', 'explicit-attention', 'spell-for-chip']

/**
 * Rewrites a program so that it breaks no limit of the target that a repair exists for.
 *
 * Repairs run where `checkLimits` reports an error or a warning they remove; the meaning stays, up to fp16 rounding
 * (and 5e-4 for the tanh form of an exact gelu). Sizes change only if `widths` asks for it: what is too small else stays
 * a diagnostic.
 *
 * @throws {RangeError} if the target is unknown
 * @throws {OpError} if operands do not fit an operation; check the program with `verify` first
 */
export function lower(program: Program, target: LowerTarget): LoweredProgram {
  const resolved = resolveTarget(target)
  const { program: cut, separated } = target.outputs ? separateOutputs(program) : { program, separated: {} }
  const applied = new Map<RepairName, number>()
  let renamed: Readonly<Record<string, string>> = {}
  const blobs = target.blobs ?? new Map()
  let state: { program: Program; blobs: BlobFiles } = target.widths ? padWidths(cut, blobs) : { program: cut, blobs }
  let broken: { of: Program; repairs: Set<RepairName> } | undefined
  for (const id of repairNames) {
    if (!ALWAYS.includes(id)) {
      if (broken?.of !== state.program) broken = { of: state.program, repairs: wanted(state.program, target) }
      if (!broken.repairs.has(id)) continue
    }
    let count: number
    if (id === 'order-interface') {
      const ordered = orderInterface(state.program, state.blobs, resolved)
      renamed = ordered.renamed
      count = ordered.count
      state = ordered
    } else {
      const repaired = repairs[id](state.program, state.blobs, resolved)
      count = repaired.count
      state = repaired
    }
    if (count > 0) applied.set(id, count)
  }
  const cleaned = applied.size > 0 ? eliminateDeadCode(state.program) : state.program
  return {
    program: cleaned,
    blobs: new Map(state.blobs),
    applied: [...applied].map(([id, count]) => ({ id, count })),
    renamed,
    separated: Object.fromEntries(
      Object.entries(separated).map(([whole, parts]) => [whole, parts.map((name) => renamed[name] ?? name)]),
    ),
  }
}

/** Repairs of the limits the program breaks. */
function wanted(program: Program, target: Target): Set<RepairName> {
  const names = new Set<RepairName>()
  for (const { rule, severity } of checkLimits(program, target)) {
    if (severity === 'info') continue
    for (const name of [limitRule(rule)?.repair ?? []].flat()) names.add(name)
  }
  return names
}
