/** Limits of weight files and of weights that change. */

import type { Operation } from '../../ir.js'
import { isFloat, tensorOf } from '../../tensor.js'
import type { ProgramFacts } from '../facts.js'
import type { LimitRule } from '../rule.js'

/** Weight records a program reads. */
export const weightRecords = (facts: ProgramFacts): number =>
  new Set(facts.files().map(({ reference }) => `${reference.path} ${reference.offset}`)).size

/** Tells whether a weight can be sliced from a larger one: a plain constant that no convolution but 1×1 ones uses. */
export function isJoinable(facts: ProgramFacts, { op, results: [value] }: Operation): boolean {
  const type = tensorOf(value.type)
  if (op !== 'const' || !type || !isFloat(type.dtype) || type.shape.includes(null)) return false
  return facts.users(value).every((user) => user.op !== 'conv' || isProduct(facts, user))
}

/** Tells whether a convolution is y = W · x for x [1, in, 1, S]. */
function isProduct(facts: ProgramFacts, operation: Operation): boolean {
  const [x, weight] = ['x', 'weight'].map((name) => facts.shape(facts.value(operation, name)))
  const plain = (name: string, number: number) => facts.numbers(operation, name)?.every((n) => n === number) ?? true
  const columns = x?.length === 4 && x[0] === 1 && x[2] === 1
  const matrix = weight?.length === 4 && weight[2] === 1 && weight[3] === 1
  return columns && matrix && !operation.operands.bias && plain('strides', 1) && plain('groups', 1) && plain('pad', 0)
}

/** A model that holds for every chip and that only running shows. */
const observed = { section: 'weights', chips: 'all', check: 'run' } as const

export const weightRules: readonly LimitRule[] = [
  {
    id: 'C-64',
    section: 'shapes',
    rule: 'A program has at most 16 weight files; 24 fail.',
    symptom: 'compile',
    chips: ['m5'],
    seen: 'M5 Max',
    evidence: { sources: 'QA' },
    severity: 'error',
    check: 'text',
    *checker(facts) {
      const count = weightRecords(facts)
      if (count <= 16) return
      const severity = count < 24 ? 'warning' : 'error'
      const unrepairable = facts.files().filter(({ operation }) => !isJoinable(facts, operation)).length >= 16
      const message = `Expected at most 16 weights in files for ${facts.func.name}, got ${count}.`
      yield { severity, unrepairable, message }
    },
    fix: 'Join small weights into one record and slice it, use smaller segments, or pass weights as inputs; to be portable, lower for m5.',
    repair: 'join-weight-records',
  },
  {
    id: 'C-90',
    section: 'weights',
    rule: 'The offset of BLOBFILE names the record of the weight (64 for the first), not its payload.',
    symptom: 'wrong data',
    chips: 'all',
    evidence: { sources: 'O, M' },
    severity: 'error',
    check: 'text',
    *checker(facts) {
      for (const { operation, reference } of facts.files()) {
        const { offset, path } = reference
        if (offset < 64) yield { operation, message: `Expected an offset of at least 64 in ${path}, got ${offset}.` }
        else if (offset % 64 !== 0) {
          const message = `Expected a multiple of 64 for the offset in ${path}, got ${offset}.`
          yield { operation, severity: 'warning', message }
        }
      }
    },
    fix: 'Point at the metadata record; writeBlobs returns the offsets.',
  },
  {
    ...observed,
    id: 'C-91',
    rule: 'The record points to its payload from the start of the file, also in files of several weights.',
    symptom: 'wrong data',
    seen: 'M5 Max',
    evidence: { sources: 'QA' },
    severity: 'error',
  },
  {
    id: 'C-92',
    section: 'weights',
    rule: 'One file with several weights is refused on M1; one file per weight works.',
    symptom: 'compile',
    chips: ['m1'],
    seen: 'M1, M1 Pro/Max',
    evidence: { sources: 'M' },
    severity: 'error',
    check: 'cfg',
    *checker(facts) {
      const first = new Map<string, number>()
      for (const { operation, reference } of facts.files()) {
        const offset = first.get(reference.path)
        if (offset === undefined) first.set(reference.path, reference.offset)
        else if (offset !== reference.offset) {
          yield {
            operation,
            message: `Expected a file of its own for this weight, got a second one in ${reference.path}.`,
          }
        }
      }
    },
    fix: 'Write each weight to a file of its own.',
    repair: 'own-weight-files',
  },
  {
    ...observed,
    id: 'C-93',
    rule: 'Weights are baked in when a program is compiled; overwriting their files changes nothing.',
    symptom: 'wrong data',
    seen: 'M1 Pro 26.2, M5 26.3, M4 Max',
    evidence: {
      sources: 'M, S1, O',
      contradicted: 'O bases delta reload on it; its training run is consistent with stale weights',
    },
    severity: 'warning',
  },
  {
    ...observed,
    id: 'C-94',
    rule: 'A weightsBuffer surface does not replace baked weights.',
    symptom: 'wrong data',
    chips: ['m5'],
    evidence: { sources: 'M' },
    severity: 'warning',
  },
  {
    ...observed,
    id: 'C-95',
    rule: 'A sparse or zero weight may be faster or inexact, so benchmarks need real ones.',
    symptom: 'wrong data',
    chips: ['m1', 'm5'],
    seen: 'M5 Pro, M1',
    evidence: { sources: 'LA, IK' },
    severity: 'warning',
  },
]
