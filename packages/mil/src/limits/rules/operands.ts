/** Limits of operations that depend on the sizes, the types or the chip. */

import type { Operation } from '../../ir.js'
import type { ProgramFacts } from '../facts.js'
import type { Finding, LimitRule } from '../rule.js'
import { refused, scaling } from './operators.js'

/** What the Neural Engine has no form of, on any chip. */
const NEVER = [
  ...['lstm', 'gru', 'rnn', 'cond', 'while_loop', 'cumsum', 'reduce_prod', 'non_zero', 'sliding_windows'],
  ...['bitwise_and', 'bitwise_or', 'bitwise_xor', 'bitwise_not', 'non_maximum_suppression'],
]

/** Operations that can be written with those of the collected kernels; clip cannot, for minimum and maximum are not among them. */
const REPAIRABLE = new Set(
  'gelu silu square layer_norm l2_norm rsqrt sqrt inverse real_div tile stack split'.split(' '),
)

/** The operations of all collected kernels, and what is folded before the compiler sees it. */
const PROVEN = new Set([
  ...[
    'const',
    'conv',
    'constexpr_affine_dequantize',
    'quantize',
    'dequantize',
    'reshape',
    'transpose',
    'slice_by_size',
  ],
  ...['slice_by_index', 'cast', 'matmul', 'mul', 'add', 'sub', 'pow', 'concat', 'softmax', 'reduce_sum', 'reduce_mean'],
  ...['sigmoid', 'tanh', 'identity', 'scaled_dot_product_attention'],
])

const LAYER_NORM_LIMIT = 10240
const LAYER_NORM_SIZES = [1024, 1536, 2560, 4096]

function* zeroProducts(facts: ProgramFacts): Iterable<Finding> {
  for (const operation of facts.named('mul')) {
    for (const [name, other] of [
      ['x', 'y'],
      ['y', 'x'],
    ]) {
      const value = facts.value(operation, name)
      const producer = value && facts.producer(value)
      if (!producer?.op.startsWith('reduce_') || !facts.numbers(operation, other)?.every((number) => number === 0))
        continue
      yield { operation, message: `Expected a product with another number for ${operation.results[0].name}, got 0.` }
    }
  }
}

function normalizedSize(facts: ProgramFacts, operation: Operation): number | undefined {
  const shape = facts.shape(facts.value(operation, 'x'))
  const axes = facts.axes(operation) ?? shape?.map((_, axis) => axis)
  const sizes = shape && axes?.map((axis) => shape[axis])
  return sizes?.every((size) => typeof size === 'number')
    ? (sizes as number[]).reduce((product, size) => product * size, 1)
    : undefined
}

export const operandRules: readonly LimitRule[] = [
  {
    id: 'C-38',
    section: 'operators',
    rule: 'softplus is wrong above about 10.4, and sigmoid is off by up to 4e-2 in a real SiLU.',
    symptom: 'wrong data',
    chips: ['m5'],
    seen: 'M5 Max',
    evidence: { sources: 'QA' },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      yield* refused(facts, ['softplus', 'softplus_parametric'], 'a form without softplus')
      for (const finding of refused(facts, ['sigmoid', 'silu'], 'a tolerance of 4e-2'))
        yield { ...finding, severity: 'info' }
    },
    fix: 'Compare the results with the CPU engine.',
  },
  {
    id: 'C-39',
    section: 'operators',
    rule: 'The result of sqrt cannot feed a broadcast or a division of the same program.',
    symptom: 'wrong data',
    chips: ['m1'],
    evidence: { sources: 'IK' },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      for (const operation of facts.named('sqrt')) {
        const [result] = operation.results
        const shape = String(facts.shape(result))
        const user = facts
          .users(result)
          .find(
            ({ op, results }) => op === 'real_div' || (scaling.has(op) && String(facts.shape(results[0])) !== shape),
          )
        if (user) yield { operation, message: `Expected pow with 0.5 for ${result.name}, got sqrt before ${user.op}.` }
      }
    },
    fix: 'Use pow with 0.5, or −0.5 and a product.',
    repair: 'power-roots',
  },
  {
    id: 'C-40',
    section: 'operators',
    rule: 'Recurrent layers, control flow, cumsum, reduce_prod, non_zero, sliding_windows and bitwise operations do not exist.',
    symptom: 'compile',
    chips: 'all',
    evidence: { sources: 'AF, M6' },
    severity: 'error',
    check: 'text',
    checker: (facts) => refused(facts, NEVER, 'an operation the Neural Engine has'),
    fix: 'Run this part on the CPU.',
  },
  {
    id: 'C-41',
    section: 'operators',
    rule: 'The product of a reduction with 0 fails.',
    symptom: 'compile',
    chips: ['m1', 'm5'],
    evidence: { sources: 'AF' },
    severity: 'error',
    check: 'text',
    checker: zeroProducts,
    fix: 'Multiply before the reduction.',
    repair: 'drop-zero-products',
  },
  {
    id: 'C-42',
    section: 'operators',
    rule: 'layer_norm fails at scattered sizes (1024, 1536, 2560, 4096) and always from 10240 on, depending on gamma and beta.',
    symptom: 'compile',
    chips: ['m1', 'm2', 'm5'],
    evidence: { sources: 'AF' },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      for (const operation of facts.named('layer_norm')) {
        const size = normalizedSize(facts, operation) ?? LAYER_NORM_LIMIT
        const known = LAYER_NORM_SIZES.includes(size) || size >= LAYER_NORM_LIMIT
        const message = `Expected sums and products for ${operation.results[0].name}, got layer_norm over ${size}.`
        yield { operation, severity: known ? 'warning' : 'info', message }
      }
    },
    fix: 'Write it with mul, reduce_sum, add and pow.',
    repair: 'split-normalizations',
  },
  {
    id: 'C-43',
    section: 'operators',
    rule: 'sin and cos exist from the M3 on; topk, argsort and slices at computed positions not on M1.',
    symptom: 'compile',
    chips: ['m1', 'm2'],
    evidence: { sources: 'AF' },
    severity: 'error',
    check: 'cfg',
    *checker(facts) {
      const { family } = facts.target.chip
      if (family !== 'm1' && family !== 'm2') return
      yield* refused(facts, ['sin', 'cos'], 'a table')
      if (family !== 'm1') return
      yield* refused(facts, ['topk', 'argsort'], 'work on the host')
      for (const operation of facts.named('slice_by_index', 'slice_by_size')) {
        if (facts.isConstant(operation, 'begin')) continue
        yield { operation, message: `Expected a constant begin for ${operation.results[0].name}, got a computed one.` }
      }
    },
    fix: 'Keep angles in tables and sort on the host.',
  },
  {
    id: 'L-01',
    section: 'operators',
    rule: 'The operation occurs in none of the collected Neural Engine kernels, so nothing is known of it on the private path.',
    symptom: 'compile',
    chips: 'all',
    evidence: { sources: 'PS', contradicted: 'most of these occur in Core ML models, which may run them elsewhere' },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      const first = new Map<string, Operation>()
      for (const operation of facts.operations) {
        const { op } = operation
        const known = PROVEN.has(op) || NEVER.includes(op) || op.startsWith('constexpr_')
        if (!known && !first.has(op)) first.set(op, operation)
      }
      for (const [op, operation] of first) {
        const count = facts.named(op).length
        const times = count === 1 ? 'once' : `${count} times`
        const unrepairable = !REPAIRABLE.has(op)
        yield { operation, unrepairable, message: `Expected an operation of the known kernels, got ${op} (${times}).` }
      }
    },
    fix: 'Use the operations of the known kernels where that is possible.',
    repair: [
      'split-activations',
      'split-normalizations',
      'power-roots',
      'scale-by-mean',
      'multiply-reciprocals',
      'join-repeats',
      'slice-splits',
    ],
  },
]
