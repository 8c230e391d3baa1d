/** Limits of the program text and of the descriptor it is compiled through. */

import { chipFamilies } from '../chips.js'
import type { LimitRule } from '../rule.js'

/** Names one project reports as harmful. */
const AVOIDED_NAMES = new Set('var diff mean std eps x y mul add rsqrt c C'.split(' '))

export const descriptorRules: readonly LimitRule[] = [
  {
    id: 'C-01',
    section: 'descriptor',
    rule: 'The text is passed as NSData of UTF-8 bytes, not as an NSString.',
    symptom: 'process',
    chips: 'all',
    evidence: { sources: 'O, M' },
    severity: 'error',
    check: 'run',
  },
  {
    id: 'C-02',
    section: 'descriptor',
    rule: 'The weights dictionary of a program without weight files is an empty dictionary, never nil.',
    symptom: 'process',
    chips: 'all',
    evidence: { sources: 'O' },
    severity: 'error',
    check: 'run',
  },
  {
    id: 'C-03',
    section: 'descriptor',
    rule: 'model.mil and every weight file also exist under <tmp>/<hexStringIdentifier>/ before the compile.',
    symptom: 'compile',
    chips: 'all',
    evidence: { sources: 'M, O' },
    severity: 'error',
    check: 'run',
  },
  {
    id: 'C-04',
    section: 'descriptor',
    rule: 'M1 and M2 take program(1.0) with ios16 and its verbose scalars; the 1.3/ios18 spelling fails for standalone programs.',
    symptom: 'compile',
    chips: ['m1', 'm2'],
    seen: 'M1, M1 Pro/Max, M2; the training kernels still worked in 1.3/ios18',
    evidence: { sources: 'M, M#6' },
    severity: 'error',
    check: 'cfg',
    *checker({ program, func, target }) {
      if (chipFamilies.indexOf(target.chip.family) >= chipFamilies.indexOf('m3')) return
      if (program.version !== '1.0') {
        yield { message: `Expected program(1.0) for ${target.chip.name}, got program(${program.version}).` }
      }
      if (func.opset && func.opset > 'ios16') {
        yield { message: `Expected ios16 or earlier for ${func.name}, got ${func.opset}.` }
      }
    },
    fix: 'Print the program in the 1.0/ios16 spelling.',
    repair: 'spell-for-chip',
  },
  {
    id: 'C-05',
    section: 'descriptor',
    rule: 'M3, M4 and M5 accept 1.3/ios18; the older spelling was tried there by one project only.',
    symptom: 'compile',
    chips: ['m3', 'm4', 'm5'],
    evidence: { sources: 'M', contradicted: 'FG: ios16 suffices for everything tried' },
    severity: 'info',
    check: 'cfg',
    *checker({ program, target }) {
      if (chipFamilies.indexOf(target.chip.family) < chipFamilies.indexOf('m3') || program.version === '1.3') return
      yield { message: `Expected program(1.3) for ${target.chip.name}, got program(${program.version}).` }
    },
    fix: 'Print the program in the 1.3/ios18 spelling.',
    repair: 'spell-for-chip',
  },
  {
    id: 'C-06',
    section: 'descriptor',
    rule: 'The program has a buildInfo with a coremlc-version.',
    symptom: 'compile',
    chips: 'all',
    seen: 'M3 Max',
    evidence: { sources: 'FG', contradicted: 'an empty dictionary is accepted in the mil-hwx tests' },
    severity: 'warning',
    check: 'text',
    *checker({ program }) {
      const info = program.attributes.buildInfo?.value
      const keys = info?.kind === 'dict' ? info.entries.map(([{ value }]) => value) : []
      if (keys.some((key) => key.kind === 'strings' && key.data[0] === 'coremlc-version')) return
      yield { message: `Expected a coremlc-version for buildInfo, got ${info ? 'none' : 'no buildInfo'}.` }
    },
    fix: 'Add the attribute; printing adds it to a program that has no buildInfo at all.',
    repair: 'build-info',
  },
  {
    id: 'C-07',
    section: 'descriptor',
    rule: 'transpose_x and transpose_y of matmul refer to named bool constants.',
    symptom: 'compile',
    chips: 'all',
    seen: 'M4 Max',
    evidence: { sources: 'O' },
    severity: 'error',
    check: 'text',
    *checker(facts) {
      for (const operation of facts.named('matmul')) {
        for (const name of ['transpose_x', 'transpose_y']) {
          if (operation.operands[name]?.kind !== 'literal') continue
          yield { operation, message: `Expected a named const for ${name} of matmul, got an immediate value.` }
        }
      }
    },
    fix: 'Give every immediate operand a const of its own.',
    repair: 'name-constants',
  },
  {
    id: 'C-08',
    section: 'descriptor',
    rule: 'Output names are results of operations that run; an input, a constant or a dead name makes an InvalidMILProgram.',
    symptom: 'compile',
    chips: 'all',
    seen: 'M4 Max',
    evidence: { sources: 'O' },
    severity: 'error',
    check: 'text',
    *checker(facts) {
      for (const value of facts.func.outputs) {
        const folded = !facts.isComputed(value)
        const kind = facts.isInput(value) ? 'an input' : folded ? 'a constant' : undefined
        const message = `Expected the result of an operation for output ${value.name}, got ${kind}.`
        if (kind) yield { value, unrepairable: folded, message }
      }
    },
    fix: 'Return a computed value.',
    repair: 'computed-outputs',
  },
  {
    id: 'C-09',
    section: 'descriptor',
    rule: `Some value names misbehave: ${[...AVOIDED_NAMES].join(' ')}.`,
    symptom: 'compile',
    chips: ['m1'],
    evidence: { sources: 'IK', contradicted: 'every other project uses x as a name' },
    severity: 'warning',
    check: 'text',
    *checker({ func, operations }) {
      const used = [...func.inputs, ...operations.flatMap(({ results }) => results)].map(({ name }) => name)
      const found = used.filter((name) => AVOIDED_NAMES.has(name))
      if (found.length > 0)
        yield { message: `Expected other names for values of ${func.name}, got ${found.join(', ')}.` }
    },
    fix: 'Rename the values if the compile fails without a reason.',
  },
  {
    id: 'C-10',
    section: 'descriptor',
    rule: 'identity as the sole output returns NaN.',
    symptom: 'wrong data',
    chips: ['m5'],
    seen: 'M5 Max; with two outputs an identity is required for a tensor that other operations use too',
    evidence: { sources: 'QA', contradicted: 'IM: identity compiles (M3 Pro)' },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      const [only, ...others] = facts.func.outputs
      const operation = only && facts.producer(only)
      if (others.length > 0 || operation?.op !== 'identity') return
      yield { operation, message: `Expected a computed result for the only output ${only.name}, got an identity.` }
    },
    fix: 'Return the value the identity copies, or a product with 1.',
    repair: 'computed-outputs',
  },
]
