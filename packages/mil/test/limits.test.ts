import { describe, expect, it } from 'vitest'
import type { Program } from '../src/ir.js'
import { checkLimits } from '../src/limits/check.js'
import { chipFamilies, chips, resolveTarget } from '../src/limits/chips.js'
import { lower } from '../src/limits/lower.js'
import { limitRules } from '../src/limits/rules.js'
import { operatorCases } from './limit-cases.js'
import { m4, plain, text, unary } from './limit-programs.js'
import { surfaceCases } from './limit-surface-cases.js'

const limitCases = [...operatorCases, ...surfaceCases]

describe('the limits', () => {
  it.each(limitCases.map((entry) => [entry.id, entry] as const))(
    '%s is found where it is broken and nowhere else',
    (id, entry) => {
      const { target, breaks, satisfies, satisfied = target } = entry
      const rule = limitRules.find((candidate) => candidate.id === id)!
      const found = checkLimits(breaks, target).filter((diagnostic) => diagnostic.rule === id)
      expect(found).not.toEqual([])
      expect(found[0]).toMatchObject({ symptom: rule.symptom, evidence: rule.evidence.sources, fix: rule.fix })
      expect(found[0].message).toMatch(/^Expected .+, got .+\./)
      expect(checkLimits(satisfies, satisfied).filter((diagnostic) => diagnostic.rule === id)).toEqual([])
    },
  )

  it('have a case for every checker', () => {
    const checked = limitRules.filter(({ checker }) => checker).map(({ id }) => id)
    expect(limitCases.map(({ id }) => id).sort()).toEqual(checked.sort())
  })

  it('are the rows of the constraints, C-01 to C-136, and our own', () => {
    const ranges = [
      [1, 10],
      [20, 43],
      [50, 64],
      [70, 80],
      [90, 95],
      [100, 109],
      [120, 125],
      [130, 136],
    ]
    const ids = ranges.flatMap(([from, to]) =>
      Array.from({ length: to - from + 1 }, (_, i) => `C-${String(from + i).padStart(2, '0')}`),
    )
    expect(limitRules.map(({ id }) => id).sort()).toEqual([...ids, 'L-01'].sort())
  })

  it('are errors only where no report contradicts them', () => {
    const wrong = limitRules.filter(({ severity, evidence }) => severity === 'error' && evidence.contradicted)
    expect(wrong).toEqual([])
  })

  it('say how to repair what a checker finds', () => {
    expect(limitRules.filter(({ checker, fix }) => (checker === undefined) !== (fix === undefined))).toEqual([])
  })
})

describe('checkLimits', () => {
  it('names operator, line and column, errors first', () => {
    const program = text(`bool no = const()[val = bool(false)];
        tensor<fp16, [1, 64, 1, 64]> g = gelu(x = a, mode = string("EXACT"));
        tensor<fp16, [1, 64, 1, 64]> z = cumsum(x = g, axis = int32(3), exclusive = no, reverse = no);`)
    const diagnostics = checkLimits(program, m4)
    expect(diagnostics[0]).toMatchObject({ rule: 'C-40', severity: 'error', op: 'cumsum', operation: 'z', line: 7 })
    const gelu = diagnostics.find(({ rule }) => rule === 'C-22')
    expect(gelu).toMatchObject({ severity: 'warning', line: 6, column: 9, repairable: true, symptom: 'compile' })
    expect(gelu?.message).toContain('Reports disagree: AF lists the exact gelu as native.')
  })

  it('lowers what was reported on other chips to information that says so', () => {
    const severities = chipFamilies.map((chip) =>
      checkLimits(unary('tile', { reps: [1, 1, 1, 2] }), { chip }).find(({ rule }) => rule === 'C-27'),
    )
    expect(severities.map((diagnostic) => diagnostic?.severity)).toEqual(['info', 'info', 'error', 'info', 'info'])
    expect(severities[3]?.message).toContain('Reported on M3 Max, not on m4.')
  })

  it('takes surface sizes for errors only when they are given', () => {
    const program = unary('relu', {}, [1, 64, 1, 32])
    expect(checkLimits(program, m4).find(({ rule }) => rule === 'C-51')?.severity).toBe('info')
    const given = checkLimits(program, { ...m4, surfaces: { a: 4096, z: 49152 } })
    expect(given.filter(({ rule }) => rule === 'C-51')).toMatchObject([{ severity: 'error', operation: 'a' }])
  })

  it('refuses targets it does not know', () => {
    expect(() => checkLimits(plain, { chip: 'm9' })).toThrow(/Expected one of m1, .*m5-max for chip, got m9/)
    expect(() => checkLimits(plain, { chip: 'm4', os: 'tahoe' })).toThrow(
      /macOS version such as 26.2 for os, got tahoe/,
    )
  })

  it('refuses versions of macOS older than the chip, and takes its first', () => {
    expect(() => checkLimits(plain, { chip: 'm4', os: '12' })).toThrow(
      'Expected macOS 15 or newer for os of m4, got 12.',
    )
    for (const { name, firstOs, os } of chips) {
      expect(resolveTarget({ chip: name, os: firstOs }).os).toBe(firstOs)
      expect(resolveTarget({ chip: name }).os).toBe(os)
      expect(() => resolveTarget({ chip: name, os: `${Number(firstOs) - 1}.9` })).toThrow(/ or newer for os of /)
    }
  })

  it('names the option of lower where programs change only when asked to', () => {
    for (const id of ['C-52', 'C-53', 'C-54']) {
      const { breaks, target } = limitCases.find((limitCase) => limitCase.id === id)!
      const found = (program: Program) => checkLimits(program, target).find(({ rule }) => rule === id)
      expect(found(breaks)).toMatchObject({ repairable: false, option: { widths: 'pad' } })
      expect(found(breaks)?.fix).not.toMatch(/lower|--/)
      expect(found(lower(breaks, target).program)).toBeDefined()
      expect(found(lower(breaks, { ...target, ...found(breaks)?.option }).program)).toBeUndefined()
    }
  })

  it('never fails on a program that is wrong', () => {
    for (const { breaks, target } of limitCases) {
      const [func] = breaks.functions
      for (let i = 0; i < func.operations.length; i++) {
        const damaged = func.operations.flatMap((operation, at) => {
          if (at !== i) return [operation]
          return [
            { ...operation, operands: {} },
            { ...operation, results: [] },
          ]
        })
        const functions = [{ ...func, operations: damaged }]
        expect(() => checkLimits({ ...breaks, functions }, target)).not.toThrow()
      }
      expect(() => checkLimits({ ...breaks, functions: [{ ...func, operations: [] }] }, target)).not.toThrow()
    }
  })
})
