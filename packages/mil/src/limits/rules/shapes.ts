/** Limits of the shape and the layout of surfaces. */

import { type ProgramFacts, spellShape } from '../facts.js'
import type { Finding, LimitRule } from '../rule.js'

/** Smallest surface that was evaluated: 768 channels of 16 fp16 columns and twice that. */
const MINIMUM_BYTES = 49152

/** Inputs and outputs with their last axis, where it is known. */
function* widths(facts: ProgramFacts, test: (width: number) => string | undefined): Iterable<Finding> {
  for (const value of facts.io) {
    const shape = facts.shape(value)
    const width = shape?.at(-1)
    if (!shape || shape.length === 0 || typeof width !== 'number') continue
    const expected = test(width)
    if (expected) yield { value, message: `Expected ${expected} for the width of ${value.name}, got ${width}.` }
  }
}

function* layouts(facts: ProgramFacts): Iterable<Finding> {
  for (const value of facts.io) {
    const shape = facts.shape(value)
    if (shape?.length === 4 && shape[0] === 1 && shape[2] === 1) continue
    yield { value, message: `Expected the shape [1, C, 1, S] for ${value.name}, got ${spellShape(shape)}.` }
  }
}

export const shapeRules: readonly LimitRule[] = [
  {
    id: 'C-50',
    section: 'shapes',
    rule: 'Surfaces hold [1, C, 1, S], channels first, as packed rows.',
    symptom: 'wrong data',
    chips: 'all',
    evidence: { sources: 'M, O', contradicted: 'IK runs programs of rank 3 on M1' },
    severity: 'warning',
    check: 'text',
    checker: layouts,
    fix: 'Reshape inside the program and keep [1, C, 1, S] outside.',
  },
  {
    id: 'C-51',
    section: 'shapes',
    rule: 'A surface has at least about 49152 bytes; with one column a program compiles and fails when evaluated (0x1d).',
    symptom: 'evaluate',
    chips: 'all',
    seen: 'M4 Max; at least 16 columns',
    evidence: { sources: 'O' },
    severity: 'error',
    check: 'io',
    *checker(facts) {
      for (const value of facts.io) {
        const bytes = facts.surfaceBytes(value)
        if (bytes === undefined || bytes >= MINIMUM_BYTES) continue
        const severity = facts.surfaces?.[value.name] === undefined ? 'info' : 'error'
        yield {
          value,
          severity,
          message: `Expected a surface of at least 49152 bytes for ${value.name}, got ${bytes}.`,
        }
      }
    },
    fix: 'Allocate at least 49152 bytes; the data stays packed from byte 0.',
  },
  {
    id: 'C-52',
    section: 'shapes',
    rule: 'The width of a surface is at least 32; below it results are garbage or zeros, or the evaluation fails.',
    symptom: 'wrong data',
    chips: 'all',
    seen: 'M3 Max, M5 Max',
    evidence: { sources: 'FG, QA, ES', contradicted: 'O and RN use a width of 16 on M4 Max' },
    severity: 'warning',
    check: 'text',
    checker: (facts) => widths(facts, (width) => (width < 32 ? 'at least 32' : undefined)),
    fix: 'Use longer sequences, lay other data beside them, or pad.',
    option: { widths: 'pad' },
  },
  {
    id: 'C-53',
    section: 'shapes',
    rule: 'A row of a surface is a multiple of 64 bytes, 32 columns of fp16; a width of 131 fails when evaluated.',
    symptom: 'evaluate',
    chips: ['m5'],
    seen: 'M5 Max',
    evidence: { sources: 'QA' },
    severity: 'error',
    check: 'text',
    checker: (facts) => widths(facts, (width) => (width % 32 === 0 ? undefined : 'a multiple of 32')),
    fix: 'Choose a sequence length that is a multiple of 32 and align: 32 when packing, or pad.',
    option: { widths: 'pad' },
  },
  {
    id: 'C-54',
    section: 'shapes',
    rule: 'The width of a surface is a multiple of 16, else data are corrupted.',
    symptom: 'wrong data',
    chips: ['m4'],
    seen: 'M4 Max',
    evidence: { sources: 'RN' },
    severity: 'error',
    check: 'text',
    checker: (facts) => widths(facts, (width) => (width % 16 === 0 ? undefined : 'a multiple of 16')),
    fix: 'Choose a sequence length that is a multiple of 32 and align: 32 when packing, or pad.',
    option: { widths: 'pad' },
  },
  {
    id: 'C-55',
    section: 'shapes',
    rule: 'Surfaces are allocated in multiples of 128 bytes.',
    symptom: 'evaluate',
    chips: ['m5'],
    evidence: { sources: 'M#35' },
    severity: 'error',
    check: 'io',
    *checker(facts) {
      for (const value of facts.io) {
        const bytes = facts.surfaces?.[value.name]
        if (bytes === undefined || bytes % 128 === 0) continue
        yield { value, message: `Expected a multiple of 128 bytes for the surface of ${value.name}, got ${bytes}.` }
      }
    },
    fix: 'Round the allocation up.',
  },
  {
    id: 'C-56',
    section: 'shapes',
    rule: 'Only 512 channels compile in the benchmark of stacked convolutions.',
    symptom: 'compile',
    chips: ['m3'],
    seen: 'M3 Pro, M3 Ultra; an artefact of that benchmark',
    evidence: { sources: 'M, M#42', contradicted: 'SK trains 768 and 1024 channels on M3 Pro, FG runs 2560 on M3 Max' },
    severity: 'info',
    check: 'text',
    *checker(facts) {
      const chain = facts.named('conv')
      const channels = facts.shape(chain[0]?.results[0])?.[1]
      if (chain.length < 8 || channels === undefined || channels === 512) return
      yield { operation: chain[0], message: `Expected 512 channels for stacked convolutions, got ${channels}.` }
    },
    fix: 'Nothing, unless the compile fails.',
  },
  {
    id: 'C-57',
    section: 'shapes',
    rule: 'Probes need at least 64 channels; tiny shapes such as [1, 4, 1, 4] fail when evaluated, [1, 256, 1, 64] does not.',
    symptom: 'evaluate',
    chips: ['m4', 'm5'],
    seen: 'M5, M4 Max',
    evidence: { sources: 'M, O', contradicted: 'IM compiled [1, 1, 1, 1]' },
    severity: 'warning',
    check: 'io',
    *checker(facts) {
      for (const value of facts.io) {
        const shape = facts.shape(value)
        const channels = shape?.length === 4 ? shape[1] : undefined
        if (typeof channels !== 'number' || channels >= 64) continue
        yield { value, message: `Expected at least 64 channels for ${value.name}, got ${channels}.` }
      }
    },
    fix: 'Use more channels.',
  },
]
