/** Limits of inputs and outputs: sizes, order and types of what is bound. */

import type { Value } from '../../ir.js'
import type { ProgramFacts } from '../facts.js'
import type { Finding, LimitRule } from '../rule.js'

function* equalSizes(facts: ProgramFacts, values: readonly Value[], what: string): Iterable<Finding> {
  const sizes = values.map((value) => facts.surfaceBytes(value))
  const largest = Math.max(0, ...sizes.map((size) => size ?? 0))
  for (const [i, value] of values.entries()) {
    const size = sizes[i]
    if (size === undefined || size === largest) continue
    const severity = facts.surfaces?.[value.name] === undefined ? 'info' : 'error'
    const message = `Expected ${largest} bytes (the largest ${what}) for the surface of ${value.name}, got ${size}.`
    yield { value, severity, message }
  }
}

function* alphabetical(values: readonly Value[], what: string): Iterable<Finding> {
  for (const [i, value] of values.entries()) {
    const before = values[i - 1]
    if (!before || before.name < value.name) continue
    yield { value, message: `Expected ${what} in alphabetical order, got ${value.name} after ${before.name}.` }
  }
}

/** Sizes from the program, in the order a device binds them. */
function* ordered(facts: ProgramFacts, values: readonly Value[], rising: boolean): Iterable<Finding> {
  const bound = [...values].sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const [i, value] of bound.entries()) {
    const [before, size] = [i > 0 ? facts.surfaceBytes(bound[i - 1]) : undefined, facts.surfaceBytes(value)]
    if (before === undefined || size === undefined || (rising ? before <= size : before >= size)) continue
    const order = rising ? 'ascending' : 'descending'
    yield {
      value,
      message: `Expected ${order} sizes for bound surfaces, got ${size} bytes (${value.name}) after ${before}.`,
    }
  }
}

const describeInput = (facts: ProgramFacts, value: Value) => (facts.isInput(value) ? 'input' : 'output')

export const ioRules: readonly LimitRule[] = [
  {
    id: 'C-70',
    section: 'io',
    rule: 'All input surfaces of a program have the same size.',
    symptom: 'evaluate',
    chips: 'all',
    seen: 'M4 Max',
    evidence: { sources: 'O' },
    severity: 'error',
    check: 'io',
    checker: (facts) => equalSizes(facts, facts.func.inputs, 'input'),
    fix: 'Allocate every input surface with the size of the largest.',
  },
  {
    id: 'C-71',
    section: 'io',
    rule: 'All output surfaces of a program have the same size.',
    symptom: 'evaluate',
    chips: 'all',
    seen: 'M4 Max',
    evidence: { sources: 'O' },
    severity: 'error',
    check: 'io',
    checker: (facts) => equalSizes(facts, facts.func.outputs, 'output'),
    fix: 'Allocate every output surface with the size of the largest.',
  },
  {
    id: 'C-72',
    section: 'io',
    rule: 'Inputs are bound in alphabetical order of their names, whatever the order they are declared in.',
    symptom: 'wrong data',
    chips: 'all',
    seen: 'M4 Max',
    evidence: { sources: 'O' },
    severity: 'warning',
    check: 'text',
    checker: ({ func }) => alphabetical(func.inputs, 'inputs'),
    fix: 'Bind by name, or rename the inputs so that both orders agree.',
    repair: 'order-interface',
  },
  {
    id: 'C-73',
    section: 'io',
    rule: 'Outputs are bound in alphabetical order of their names, whatever the order they are returned in.',
    symptom: 'wrong data',
    chips: 'all',
    seen: 'M4 Max; on M5 Max the order is not kept and outputs are told apart by their channels',
    evidence: { sources: 'O, QA' },
    severity: 'warning',
    check: 'text',
    checker: ({ func }) => alphabetical(func.outputs, 'outputs'),
    fix: 'Bind by name, or rename the outputs so that both orders agree.',
    repair: 'order-interface',
  },
  {
    id: 'C-74',
    section: 'io',
    rule: 'Inputs are bound in ascending order of size and outputs in descending order, else they read as zeros.',
    symptom: 'wrong data',
    chips: ['m1'],
    evidence: { sources: 'IK' },
    severity: 'error',
    check: 'io',
    *checker(facts) {
      yield* ordered(facts, facts.func.inputs, true)
      yield* ordered(facts, facts.func.outputs, false)
    },
    fix: 'Rename inputs and outputs in the order of their sizes.',
    repair: 'order-interface',
  },
  {
    id: 'C-75',
    section: 'io',
    rule: 'A surface larger than its tensor is read as packed data from byte 0, without a stride.',
    symptom: 'wrong data',
    chips: 'all',
    seen: 'M4 Max',
    evidence: { sources: 'O' },
    severity: 'error',
    check: 'io',
    *checker(facts) {
      for (const value of facts.io) {
        const [allocated, packed] = [facts.surfaces?.[value.name], facts.bytes(value)]
        if (allocated === undefined || packed === undefined || allocated >= packed) continue
        yield {
          value,
          message: `Expected at least ${packed} bytes for the surface of ${value.name}, got ${allocated}.`,
        }
      }
    },
    fix: 'Allocate at least the packed size and leave what follows unused.',
  },
  {
    id: 'C-76',
    section: 'io',
    rule: 'A program with several inputs fails when evaluated (0x1d).',
    symptom: 'evaluate',
    chips: ['m1', 'm4'],
    seen: 'M4; the descriptor is nil on M1 Pro',
    evidence: {
      sources: 'M, S1',
      contradicted: 'O, IK (98 inputs), M#18 and M#22 run several inputs of equal or ascending sizes',
    },
    severity: 'warning',
    check: 'text',
    *checker({ func }) {
      const { inputs, name } = func
      if (inputs.length > 1) yield { message: `Expected one input for ${name}, got ${inputs.length}.` }
    },
    fix: 'Pack activations and weights into one surface (pack), or bake the weights.',
  },
  {
    id: 'C-77',
    section: 'io',
    rule: 'A product of two runtime inputs takes the weight first and the activation second, both of rank 3.',
    symptom: 'wrong data',
    chips: ['m1'],
    evidence: { sources: 'IK' },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      for (const operation of facts.named('matmul')) {
        const operands = ['x', 'y'].map((name) => facts.value(operation, name))
        if (!operands.every((value) => value && facts.isInput(value)) || operands[0] === operands[1]) continue
        const rank = facts.shape(operands[0])?.length
        if (rank === 3) continue
        yield {
          operation,
          message: `Expected rank 3 for the inputs of ${operation.results[0].name}, got rank ${rank}.`,
        }
      }
    },
    fix: 'Pack the operands into one surface.',
  },
  {
    id: 'C-78',
    section: 'io',
    rule: 'fp16 surfaces are about 37 % faster than fp32 ones with a cast; M1 and M2 cannot run the cast.',
    symptom: 'compile',
    chips: ['m1', 'm2'],
    evidence: { sources: 'M, M#6' },
    severity: 'error',
    check: 'cfg',
    *checker(facts) {
      for (const value of facts.io) {
        if (facts.dtype(value) !== 'fp32') continue
        yield { value, message: `Expected fp16 for ${describeInput(facts, value)} ${value.name}, got fp32.` }
      }
    },
    fix: 'Use fp16 inputs and outputs and convert on the host.',
  },
  {
    id: 'C-79',
    section: 'io',
    rule: 'int8 is no type of an input or output.',
    symptom: 'compile',
    chips: 'all',
    seen: 'M3 Pro',
    evidence: { sources: 'IM', contradicted: 'AF accepts it on the e5rt path' },
    severity: 'warning',
    check: 'text',
    *checker(facts) {
      for (const value of facts.io) {
        const dtype = facts.dtype(value) ?? ''
        if (dtype !== 'int8' && dtype !== 'uint8') continue
        yield { value, message: `Expected fp16 for ${describeInput(facts, value)} ${value.name}, got ${dtype}.` }
      }
    },
    fix: 'Quantise inside the program.',
  },
  {
    id: 'C-80',
    section: 'io',
    rule: 'Two outputs of very different size fail together with inputs of mixed sizes.',
    symptom: 'evaluate',
    chips: ['m1'],
    evidence: { sources: 'IK' },
    severity: 'warning',
    check: 'io',
    *checker(facts) {
      const sizes = (values: readonly Value[]) => values.map((value) => facts.surfaceBytes(value) ?? 0)
      const [inputs, outputs] = [sizes(facts.func.inputs), sizes(facts.func.outputs)]
      if (new Set(inputs).size < 2 || Math.max(...outputs) < 8 * Math.min(...outputs)) return
      yield { message: `Expected outputs of similar size for ${facts.func.name}, got ${outputs.join(' and ')} bytes.` }
    },
    fix: 'Join the outputs, or give each a program of its own.',
  },
]
