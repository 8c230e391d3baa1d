/** Limits of the channels and element types of operations. */

import type { ProgramFacts } from '../facts.js'
import type { Finding, LimitRule } from '../rule.js'

/** Int8 and smaller types that only weights may have. */
const SUB_BYTE = /^u?int[1-6]$/

function* integerData(facts: ProgramFacts): Iterable<Finding> {
  for (const value of facts.io) {
    if (facts.dtype(value) !== 'int32') continue
    yield { value, message: `Expected fp16 for ${facts.isInput(value) ? 'input' : 'output'} ${value.name}, got int32.` }
  }
  for (const operation of facts.named('cast')) {
    const [result] = operation.results
    if (facts.dtype(result) !== 'int32' || !facts.isFloat(facts.value(operation, 'x'))) continue
    yield { operation, message: `Expected no cast to int32 for ${result.name}, got one.` }
  }
}

export const operandTypeRules: readonly LimitRule[] = [
  {
    id: 'C-34',
    section: 'operators',
    rule: 'conv with 32000 input channels is refused; 32000 output channels are accepted, at most 62080 to 124160.',
    symptom: 'compile',
    chips: ['m4', 'm5'],
    seen: 'M4, M4 Max, M5 Max',
    evidence: { sources: 'M, O, QA' },
    severity: 'error',
    check: 'text',
    *checker(facts) {
      for (const operation of facts.named('conv')) {
        const inputs = facts.shape(facts.value(operation, 'x'))?.[1] ?? 0
        const outputs = facts.shape(operation.results[0])?.[1] ?? 0
        const name = operation.results[0].name
        if (inputs >= 32000) {
          yield { operation, message: `Expected less than 32000 input channels for ${name}, got ${inputs}.` }
        }
        if (outputs > 62080) {
          const severity = outputs < 124160 ? 'warning' : 'error'
          yield { operation, severity, message: `Expected at most 62080 output channels for ${name}, got ${outputs}.` }
        }
      }
    },
    fix: 'Cut the channels into parts and add or join the results.',
  },
  {
    id: 'C-35',
    section: 'operators',
    rule: 'int32 tensors are no data, and a cast of fp16 to int32 is refused.',
    symptom: 'compile',
    chips: 'all',
    seen: 'M3 Pro, M5',
    evidence: { sources: 'IM, AF' },
    severity: 'error',
    check: 'text',
    checker: integerData,
    fix: 'Keep integers on the host.',
  },
  {
    id: 'C-36',
    section: 'operators',
    rule: 'int4 and uint4 are neither function inputs nor results of a cast; constant int4 weights take one scale per output channel.',
    symptom: 'compile',
    chips: 'all',
    seen: 'M3 Pro, M5 Max',
    evidence: { sources: 'IM, QA' },
    severity: 'error',
    check: 'text',
    *checker(facts) {
      for (const value of facts.io) {
        const dtype = facts.dtype(value) ?? ''
        if (SUB_BYTE.test(dtype)) yield { value, message: `Expected fp16 for ${value.name}, got ${dtype}.` }
      }
      for (const operation of facts.named('cast')) {
        const dtype = facts.dtype(operation.results[0]) ?? ''
        if (SUB_BYTE.test(dtype)) yield { operation, message: `Expected fp16 for a cast, got ${dtype}.` }
      }
    },
    fix: 'Use a constexpr operation on constant weights.',
  },
  {
    id: 'C-37',
    section: 'operators',
    rule: 'Blockwise scales, scales in the text and offsets are refused; unpacked int4 and uint8 weights compile to garbage.',
    symptom: 'wrong data',
    chips: ['m5'],
    seen: 'M5 Max',
    evidence: { sources: 'QA', contradicted: 'AF: blockwise weights stream natively from A15 on' },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      for (const operation of facts.named('constexpr_blockwise_shift_scale')) {
        const data = facts.value(operation, 'data') ?? operation.operands.data
        const dtype = data && 'name' in data ? facts.dtype(data) : undefined
        const [scale, name] = [operation.operands.scale, operation.results[0].name]
        if (operation.operands.offset) yield { operation, message: `Expected no offset for ${name}, got one.` }
        if (scale?.kind === 'literal' && scale.literal.value.kind === 'numbers') {
          yield { operation, message: `Expected scales in a weight file for ${name}, got them in the text.` }
        }
        const shape =
          scale?.kind === 'literal' && scale.literal.type.kind === 'tensor' ? scale.literal.type.shape : undefined
        if (shape?.slice(1).some((dim) => dim !== 1) || dtype === 'uint8') {
          yield { operation, message: `Expected one scale per output channel for ${name}, got blocks or uint8.` }
        }
      }
    },
    fix: 'Use int8 or packed int4 with one scale per output channel.',
  },
]
