/** Limits of single operations: refused, ignored or replaced ones. */

import type { Operation } from '../../ir.js'
import { type ProgramFacts, spellShape } from '../facts.js'
import type { Finding, LimitRule } from '../rule.js'

/** Every operation of the given names, with what is expected instead. */
export function* refused(facts: ProgramFacts, names: readonly string[], instead: string): Iterable<Finding> {
  for (const operation of facts.named(...names)) {
    yield { operation, message: `Expected ${instead} for ${operation.results[0].name}, got ${operation.op}.` }
  }
}

/** Operations that keep a value's elements or scale them. */
export const scaling = new Set([
  'mul',
  'add',
  'sub',
  'real_div',
  'reshape',
  'expand_dims',
  'squeeze',
  'maximum',
  'clip',
])

const isReduction = ({ op }: Operation) => op.startsWith('reduce_')

export const operatorRules: readonly LimitRule[] = [
  {
    id: 'C-20',
    section: 'operators',
    rule: 'scaled_dot_product_attention compiles but its mask is ignored, be it inline, in a file or computed.',
    symptom: 'wrong data',
    chips: 'all',
    seen: 'M4; the operation needs ios18, which M1 and M2 do not take',
    evidence: { sources: 'M, O' },
    severity: 'error',
    check: 'text',
    *checker(facts) {
      for (const operation of facts.named('scaled_dot_product_attention')) {
        if (!operation.operands.attn_mask) continue
        const [result] = operation.results
        yield { operation, message: `Expected products and a softmax for ${result.name}, got a mask that is ignored.` }
      }
    },
    fix: 'Write attention as matmul, add of the mask, softmax, matmul.',
    repair: 'explicit-attention',
  },
  {
    id: 'C-21',
    section: 'operators',
    rule: 'concat is refused.',
    symptom: 'compile',
    chips: ['m1', 'm4', 'm5'],
    seen: 'M4 Max, M5 Max, M1',
    evidence: {
      sources: 'O, QA, IK',
      contradicted:
        'every forward kernel of M uses it on M1 Pro/Max and M3–M5, IM compiles it on M3 Pro; working uses join axis 1 of [1, C, 1, S] or the last axis of rank 4',
    },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      for (const operation of facts.named('concat')) {
        const [result] = operation.results
        const shape = facts.shape(result)
        const [axis] =
          facts.axes(
            { ...operation, operands: { ...operation.operands, x: { kind: 'value', value: result } } },
            'axis',
          ) ?? []
        const usual = shape?.length === 4 && (axis === 1 || axis === 3)
        yield {
          operation,
          severity: usual ? 'info' : 'warning',
          message: `Expected no concat for ${result.name}, got one along axis ${axis ?? '?'} of ${spellShape(shape)}.`,
        }
      }
    },
    fix: 'Return several outputs instead of a joined one (the option outputs: separate of lower).',
  },
  {
    id: 'C-22',
    section: 'operators',
    rule: 'gelu is refused.',
    symptom: 'compile',
    chips: ['m4'],
    seen: 'M4 Max',
    evidence: { sources: 'O', contradicted: 'AF lists the exact gelu as native' },
    severity: 'warning',
    check: 'text',
    checker: (facts) => refused(facts, ['gelu'], 'its tanh form'),
    fix: 'Write the tanh form; it differs from the exact one by at most 5e-4.',
    repair: 'split-activations',
  },
  {
    id: 'C-23',
    section: 'operators',
    rule: 'The bias of conv is refused.',
    symptom: 'compile',
    chips: ['m4'],
    seen: 'M4 Max',
    evidence: {
      sources: 'O',
      contradicted: 'compiled Core ML models carry a bias and run; the mil-hwx compiler folds it',
    },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      for (const operation of facts.named('conv')) {
        if (!operation.operands.bias) continue
        yield { operation, message: `Expected a separate add for ${operation.results[0].name}, got conv with a bias.` }
      }
    },
    fix: 'Add the bias after the convolution.',
    repair: 'separate-bias',
  },
  {
    id: 'C-24',
    section: 'operators',
    rule: 'rsqrt is refused, and sqrt after a reduction fails.',
    symptom: 'compile',
    chips: ['m1', 'm4', 'm5'],
    seen: 'M5 Max, M1, M4 Max',
    evidence: { sources: 'QA, IK, RN', contradicted: 'O lists rsqrt as supported' },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      yield* refused(facts, ['rsqrt'], 'pow with −0.5')
      for (const operation of facts.named('sqrt')) {
        const x = facts.value(operation, 'x')
        if (!x || !facts.reaches(x, scaling, isReduction)) continue
        yield {
          operation,
          message: `Expected pow with 0.5 for ${operation.results[0].name}, got sqrt of a reduction.`,
        }
      }
    },
    fix: 'Use pow with −0.5 or 0.5.',
    repair: 'power-roots',
  },
  {
    id: 'C-25',
    section: 'operators',
    rule: 'pow is refused.',
    symptom: 'compile',
    chips: ['m1'],
    evidence: { sources: 'IK', contradicted: 'M, O, RN and QA use it' },
    severity: 'warning',
    check: 'text',
    checker: (facts) => refused(facts, ['pow'], 'another form'),
    fix: 'None known that other reports do not refuse.',
  },
  {
    id: 'C-26',
    section: 'operators',
    rule: 'l2_norm, stack, gather with computed indices and tile fail to compile.',
    symptom: 'compile',
    chips: ['m3', 'm5'],
    seen: 'M5 Max; on M3 Pro gather only',
    evidence: { sources: 'QA, IM' },
    severity: 'error',
    check: 'text',
    *checker(facts) {
      const elsewhere = facts.target.chip.family === 'm3' && ({ severity: 'info' } as const)
      for (const finding of refused(facts, ['l2_norm', 'stack', 'tile'], 'plain products, sums and joins')) {
        yield { ...finding, ...elsewhere }
      }
      for (const operation of facts.named('gather', 'gather_nd', 'gather_along_axis')) {
        if (facts.isConstant(operation, 'indices')) continue
        const [result] = operation.results
        yield {
          operation,
          unrepairable: true,
          message: `Expected constant indices for ${result.name}, got ${operation.op} with computed ones.`,
        }
      }
    },
    fix: 'Write l2_norm with pow, stack and tile with concat; look rows up outside the program.',
    repair: ['split-normalizations', 'join-repeats'],
  },
  {
    id: 'C-27',
    section: 'operators',
    rule: 'tile runs once and then poisons the process: every later evaluation fails with 0x1d.',
    symptom: 'process',
    chips: ['m3'],
    seen: 'M3 Max',
    evidence: { sources: 'FG' },
    severity: 'error',
    check: 'text',
    checker: (facts) => refused(facts, ['tile'], 'a concat of the value with itself'),
    fix: 'Join the value with itself.',
    repair: 'join-repeats',
  },
]
