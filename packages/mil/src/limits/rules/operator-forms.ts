/** Limits of operations that work in some forms only. */

import type { Operation } from '../../ir.js'
import type { ProgramFacts } from '../facts.js'
import type { LimitRule } from '../rule.js'
import { refused } from './operators.js'

/** Inputs a value is only a rearrangement of. */
function inputBehind(facts: ProgramFacts, operation: Operation, name: string): string | undefined {
  let value = facts.value(operation, name)
  for (;;) {
    if (!value) return undefined
    if (facts.isInput(value)) return value.name
    const producer = facts.producer(value)
    if (!producer || !['reshape', 'transpose', 'expand_dims', 'squeeze', 'cast'].includes(producer.op)) return undefined
    value = facts.value(producer, 'x')
  }
}

export const operatorFormRules: readonly LimitRule[] = [
  {
    id: 'C-28',
    section: 'operators',
    rule: 'Reductions, reshape, transpose, slices, concat and pad fail in programs of rank 3 with two inputs.',
    symptom: 'compile',
    chips: ['m1'],
    evidence: { sources: 'IK', contradicted: 'the kernels of M use all of them in training on M1 Pro/Max' },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      const { inputs } = facts.func
      if (inputs.length < 2 || inputs.some((input) => facts.shape(input)?.length !== 3)) return
      const found = facts.operations.find(
        ({ op }) => op.startsWith('reduce_') || /^(reshape|transpose|slice_by_\w+|concat|pad)$/.test(op),
      )
      if (found) yield { operation: found, message: `Expected one input of rank 4 for ${found.op}, got two of rank 3.` }
    },
    fix: 'Pack the inputs into one surface [1, C, 1, S].',
  },
  {
    id: 'C-29',
    section: 'operators',
    rule: 'reduce_mean does not exist in the raw text.',
    symptom: 'compile',
    chips: 'all',
    evidence: { sources: 'ES', contradicted: 'O, QA and IM compile it' },
    severity: 'warning',
    check: 'text',
    checker: (facts) => refused(facts, ['reduce_mean'], 'reduce_sum and a factor'),
    fix: 'Use reduce_sum and a product with 1/n; mind the range of the sum in fp16.',
  },
  {
    id: 'C-30',
    section: 'operators',
    rule: 'reduce_mean over the channels depends on the shape: it fails at C = 512, S = 32; reduce_sum works at C = 128, S = 6144.',
    symptom: 'compile',
    chips: ['m5'],
    seen: 'M5 Max; reductions over the width work to 5120',
    evidence: { sources: 'QA' },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      for (const operation of facts.named('reduce_mean')) {
        if (!facts.axes(operation)?.includes(1)) continue
        yield {
          operation,
          message: `Expected reduce_sum over axis 1 for ${operation.results[0].name}, got reduce_mean.`,
        }
      }
    },
    fix: 'Use reduce_sum and a product with 1/n; mind the range of the sum in fp16.',
  },
  {
    id: 'C-31',
    section: 'operators',
    rule: 'softmax over a size that is no power of two is an InvalidMILProgram.',
    symptom: 'compile',
    chips: ['m3'],
    seen: 'M3 Max',
    evidence: {
      sources: 'ES',
      contradicted: 'a vocabulary softmax over 32000 compiled for M; other sizes were not tried',
    },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      for (const operation of facts.named('softmax')) {
        const [axis] = facts.axes(operation, 'axis') ?? [(facts.shape(operation.results[0])?.length ?? 0) - 1]
        const size = facts.shape(facts.value(operation, 'x'))?.[axis]
        if (typeof size !== 'number' || Number.isInteger(Math.log2(size))) continue
        yield {
          operation,
          message: `Expected a power of two for the size of ${operation.results[0].name}, got ${size}.`,
        }
      }
    },
    fix: 'Choose a power of two for the sequence length.',
  },
  {
    id: 'C-32',
    section: 'operators',
    rule: 'slice_by_index on a function input together with an RMSNorm and convolutions is an InvalidMILProgram.',
    symptom: 'compile',
    chips: ['m3'],
    seen: 'M3 Max',
    evidence: { sources: 'ES' },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      if (facts.named('pow', 'rsqrt').length === 0 || facts.named('conv').length === 0) return
      for (const operation of facts.named('slice_by_index')) {
        const x = facts.value(operation, 'x')
        if (!x || !facts.isInput(x)) continue
        yield { operation, message: `Expected slice_by_size for a part of input ${x.name}, got slice_by_index.` }
      }
    },
    fix: 'Use slice_by_size, or lay the data out before the call.',
  },
  {
    id: 'C-33',
    section: 'operators',
    rule: 'conv with a computed weight compiles and ignores it.',
    symptom: 'wrong data',
    chips: ['m1', 'm3', 'm5'],
    seen: 'M3 Max; M1 Pro needs constant weights',
    evidence: { sources: 'FG, S1', contradicted: 'AF: works at batch 1; IK: works when small and not grouped' },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      for (const operation of facts.named('conv', 'conv_transpose')) {
        if (facts.isConstant(operation, 'weight')) continue
        const from = inputBehind(facts, operation, 'weight')
        const got = from ? `the input ${from}` : 'a computed one'
        yield { operation, message: `Expected a constant weight for ${operation.results[0].name}, got ${got}.` }
      }
    },
    fix: 'Use matmul for weights that change, or bake them in.',
  },
]
