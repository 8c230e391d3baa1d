/** What makes programs slow. */

import type { LimitRule } from '../rule.js'

const observed = { section: 'performance', symptom: 'slow', severity: 'info', check: 'run' } as const

export const performanceRules: readonly LimitRule[] = [
  {
    ...observed,
    id: 'C-130',
    rule: 'Each dispatch costs 0.095 ms (M4), about 0.16 ms (M1 Pro) or 0.07 ms (e5rt); fusing layers is 3 to 4 times faster.',
    chips: 'all',
    evidence: { sources: 'M, S1, AF' },
  },
  {
    ...observed,
    id: 'C-131',
    rule: 'A 1×1 convolution has about 3 times the throughput of matmul.',
    chips: 'all',
    evidence: { sources: 'M, O' },
    check: 'text',
    *checker(facts) {
      for (const operation of facts.named('matmul')) {
        const weight = ['x', 'y'].find((name) => facts.isConstant(operation, name))
        if (!weight) continue
        yield {
          operation,
          message: `Expected a 1×1 conv for ${operation.results[0].name}, got matmul with a constant.`,
        }
      }
    },
    fix: 'Write products with constant matrices as 1×1 convolutions; bake does.',
  },
  {
    ...observed,
    id: 'C-132',
    rule: 'A width of 2048 has twice the peak throughput of 64.',
    chips: 'all',
    evidence: { sources: 'M' },
  },
  {
    ...observed,
    id: 'C-133',
    rule: 'Printing telemetry to a terminal inside the step made training 7.4 times slower.',
    chips: 'all',
    evidence: { sources: 'S1' },
  },
  {
    ...observed,
    id: 'C-134',
    rule: 'The quality of service makes no difference (M5), or background is 42 % faster than the default (M3 Pro).',
    chips: ['m3', 'm5'],
    evidence: { sources: 'M, SK', contradicted: 'the two reports contradict each other' },
  },
  {
    ...observed,
    id: 'C-135',
    rule: 'Convolutions with many input channels tile badly: 5120 to 17408 reaches 24 % of the peak.',
    chips: ['m5'],
    seen: 'M5 Max',
    evidence: { sources: 'QA' },
    check: 'text',
    *checker(facts) {
      for (const operation of facts.named('conv')) {
        const channels = facts.shape(facts.value(operation, 'x'))?.[1] ?? 0
        if (channels < 4096) continue
        yield {
          operation,
          message: `Expected less than 4096 input channels for ${operation.results[0].name}, got ${channels}.`,
        }
      }
    },
    fix: 'Cut the input channels into 4 parts and add the results.',
  },
  {
    ...observed,
    id: 'C-136',
    rule: 'There is one Neural Engine per pair of dies; instance hints bring no parallel work.',
    chips: ['m5'],
    seen: 'M5 Max',
    evidence: { sources: 'QA' },
  },
]
