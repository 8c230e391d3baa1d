/** What fp16 does to numbers, and what printing them loses. */

import { roundToFp16 } from '../../fp16.js'
import { literalNumbers } from '../../literals.js'
import type { LimitRule } from '../rule.js'

const observed = { section: 'numerics', symptom: 'wrong data', chips: 'all' } as const

export const numericRules: readonly LimitRule[] = [
  {
    ...observed,
    id: 'C-120',
    rule: 'Arithmetic is fp16; fp32 exists at surfaces and between casts. Gradient products underflow without a loss scale.',
    evidence: { sources: 'M' },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      for (const operation of facts.operations) {
        if (operation.op === 'const' || operation.op === 'cast') continue
        const wide = operation.results.find((value) => facts.dtype(value) === 'fp32')
        if (!wide) continue
        yield { operation, message: `Expected fp16 for ${wide.name}, got fp32, which is computed in fp16.` }
        return
      }
    },
    fix: 'Write the program in fp16 and scale the loss.',
  },
  {
    ...observed,
    id: 'C-121',
    rule: 'Activations can overflow to infinity; projects clamp to ±65504 before softmax and norms, or clip activations at 20.',
    evidence: { sources: 'O, M' },
    severity: 'info',
    check: 'run',
  },
  {
    ...observed,
    id: 'C-122',
    rule: 'Masked scores get −65504, not −inf.',
    evidence: { sources: 'M' },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      for (const operation of facts.named('const')) {
        const literal = facts.constants.get(operation.results[0])
        const numbers = literal && literalNumbers(literal)
        if (!numbers || !(numbers as Float32Array).some((number) => number === -Infinity)) continue
        yield { operation, message: `Expected finite numbers for ${operation.results[0].name}, got -inf.` }
      }
    },
    fix: 'Use −65504.',
  },
  {
    ...observed,
    id: 'C-123',
    rule: 'In the W8A8 benchmark scales are hex floats and activations are quantised with a fixed 2⁻³ between layers.',
    evidence: { sources: 'M' },
    severity: 'info',
    check: 'run',
  },
  {
    ...observed,
    id: 'C-124',
    rule: 'Constants printed with %f lose digits: 1/768 becomes 0.001302, 0.016 % less.',
    evidence: { sources: 'PS' },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      for (const operation of facts.named('const')) {
        const [value] = operation.results
        const literal = facts.constants.get(value)
        const number = literal && facts.isFloat(value) ? literalNumbers(literal)?.[0] : undefined
        if (facts.shape(value)?.length !== 0 || typeof number !== 'number' || !Number.isFinite(number)) continue
        const count = Math.round(1 / number)
        const exact = facts.dtype(value) === 'fp16' ? roundToFp16(1 / count) : Math.fround(1 / count)
        if (Math.abs(number) >= 0.1 || count < 10 || number === exact) continue
        const six = Math.abs(Number((1 / count).toFixed(6)) - number) < number * 2e-4
        const near = Math.abs(1 / count - number) < number * 1e-3
        if (six && near) yield { operation, message: `Expected 1/${count} for ${value.name}, got ${number}.` }
      }
    },
    fix: 'Print hexadecimal floats, as this package does.',
  },
  {
    ...observed,
    id: 'C-125',
    rule: 'Products with 17408 wide random weights overflow fp16; tests need weights of a real scale.',
    chips: ['m5'],
    seen: 'M5 Max',
    evidence: { sources: 'QA' },
    severity: 'info',
    check: 'run',
  },
]
