/** Limits of sizes inside a program. */

import { chipFamilies } from '../chips.js'
import type { ProgramFacts } from '../facts.js'
import type { Finding, LimitRule } from '../rule.js'

const SRAM_BYTES = 32 * 2 ** 20
const MEBIBYTE = 2 ** 20

function* innerDimensions(facts: ProgramFacts): Iterable<Finding> {
  for (const operation of facts.named('matmul')) {
    const inner = matmulInner(facts, operation)
    if (inner === undefined || inner % 32 === 0) continue
    const name = operation.results[0].name
    yield { operation, message: `Expected a multiple of 32 for the inner size of ${name}, got ${inner}.` }
  }
}

/** Size summed over by a matmul, undefined if it is unknown. */
export function matmulInner(facts: ProgramFacts, operation: Parameters<ProgramFacts['value']>[0]): number | undefined {
  const shape = facts.shape(facts.value(operation, 'x'))
  if (!shape || shape.length === 0) return undefined
  const turned = facts.numbers(operation, 'transpose_x')?.[0] === 1
  return (turned ? shape.at(-2) : shape.at(-1)) ?? undefined
}

function* largeSizes(facts: ProgramFacts): Iterable<Finding> {
  const wide = chipFamilies.indexOf(facts.target.chip.family) >= chipFamilies.indexOf('m3')
  const spatial = wide ? 65536 : 16384
  const kernel = facts.target.chip.family === 'm1' ? 13 : 15
  const check = (name: string, shape: readonly (number | null)[] | undefined) => {
    if (!shape || shape.length < 2) return undefined
    const [channels, columns] = [shape.at(-3) ?? shape[0], Math.max(...shape.slice(-2).map((dim) => dim ?? 0))]
    if (typeof channels === 'number' && channels > 65536)
      return `Expected at most 65536 channels for ${name}, got ${channels}.`
    return columns > spatial ? `Expected at most ${spatial} columns for ${name}, got ${columns}.` : undefined
  }
  for (const value of facts.func.inputs) {
    const message = check(value.name, facts.shape(value))
    if (message) yield { value, message }
  }
  for (const operation of facts.operations) {
    if (operation.op === 'const') continue
    const [result] = operation.results
    const message = result && check(result.name, facts.shape(result))
    if (message) yield { operation, message }
    const weight = operation.op === 'conv' ? facts.shape(facts.value(operation, 'weight')) : undefined
    const width = weight?.at(-1) ?? 0
    if (width > kernel) yield { operation, message: `Expected a kernel of at most ${kernel} columns, got ${width}.` }
  }
}

function* workingSet(facts: ProgramFacts): Iterable<Finding> {
  let worst = 0
  let where: (typeof facts.operations)[number] | undefined
  for (const operation of facts.operations) {
    if (operation.op === 'const') continue
    const values = new Set([
      ...Object.keys(operation.operands).flatMap((name) => facts.values(operation, name)),
      ...operation.results,
    ])
    const bytes = [...values].reduce((total, value) => total + (facts.bytes(value) ?? 0), 0)
    if (bytes > worst) [worst, where] = [bytes, operation]
  }
  if (worst <= SRAM_BYTES || !where) return
  const size = (worst / MEBIBYTE).toFixed(1)
  yield {
    operation: where,
    message: `Expected operands of at most 32 MiB for ${where.results[0]?.name}, got ${size} MiB.`,
  }
}

export const sizeRules: readonly LimitRule[] = [
  {
    id: 'C-58',
    section: 'shapes',
    rule: 'The inner size of matmul is a multiple of 32, else the result is zeros.',
    symptom: 'wrong data',
    chips: ['m1'],
    evidence: { sources: 'IK' },
    severity: 'error',
    check: 'text',
    checker: innerDimensions,
    fix: 'Join zeros to both operands.',
    repair: 'pad-inner-dimensions',
  },
  {
    id: 'C-59',
    section: 'shapes',
    rule: 'One project keeps the hidden size a multiple of 128 and the intermediate size a multiple of 16.',
    symptom: 'compile',
    chips: ['m4'],
    seen: 'M4 Max',
    evidence: { sources: 'RN' },
    severity: 'info',
    check: 'text',
    *checker(facts) {
      for (const value of facts.io) {
        const shape = facts.shape(value)
        const channels = shape?.length === 4 ? shape[1] : undefined
        if (typeof channels !== 'number' || channels % 128 === 0) continue
        yield { value, message: `Expected a multiple of 128 for the channels of ${value.name}, got ${channels}.` }
      }
    },
    fix: 'Nothing, unless the compile fails.',
  },
  {
    id: 'C-60',
    section: 'shapes',
    rule: 'Columns and inner sizes are at most 16384 up to A15 and 65536 from A16 on, channels 65536, kernels 13 (M1) or 15 columns.',
    symptom: 'compile',
    chips: 'all',
    evidence: { sources: 'AF' },
    severity: 'error',
    check: 'cfg',
    checker: largeSizes,
    fix: 'Cut the tensor into parts.',
  },
  {
    id: 'C-61',
    section: 'shapes',
    rule: 'A feed-forward block with more than about 4096 intermediate channels does not fit one program.',
    symptom: 'compile',
    chips: ['m3'],
    seen: 'M3 Max',
    evidence: { sources: 'FG', contradicted: '3072 (M) and 11008 channels (RN) work with weights as inputs' },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      for (const operation of facts.named('conv')) {
        const channels = facts.shape(operation.results[0])?.[1] ?? 0
        if (channels <= 4096) continue
        yield {
          operation,
          message: `Expected at most 4096 channels for ${operation.results[0].name}, got ${channels}.`,
        }
      }
    },
    fix: 'Cut the block into several programs.',
  },
  {
    id: 'C-62',
    section: 'shapes',
    rule: 'Attention in one program compiles up to 256 cached tokens, not 512.',
    symptom: 'compile',
    chips: ['m5'],
    seen: 'M5 Max',
    evidence: { sources: 'QA' },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      for (const operation of facts.named('softmax')) {
        const keys = facts.shape(operation.results[0])?.at(-1) ?? 0
        if (keys <= 256 || facts.named('matmul').length < 2) continue
        yield { operation, message: `Expected at most 256 keys for ${operation.results[0].name}, got ${keys}.` }
      }
    },
    fix: 'Use shorter sequences if the compile fails.',
  },
  {
    id: 'C-63',
    section: 'shapes',
    rule: 'Beyond about 32 MB of operands a program is some 30 % slower, and one trainer stalls at sequences of 1024.',
    symptom: 'slow',
    chips: ['m4'],
    seen: 'M4, M4 Max',
    evidence: { sources: 'M, O, AA, RN' },
    severity: 'warning',
    check: 'text',
    checker: workingSet,
    fix: 'Use smaller segments or shorter sequences.',
  },
]
