import { readFileSync } from 'node:fs'
import {
  type ChipFamily,
  checkLimits,
  chipFamilies,
  limitRule,
  limitRules,
  parse,
  print,
  type SurfaceSizes,
} from '@ane/mil'
import { type Executable, openDevice } from '@ane/runtime'
import { describe, expect, it } from 'vitest'
import { unary } from '../packages/mil/test/limit-programs.js'
import { attempt, zeroFiles } from './limit-attempt.js'
import { type LimitProof, limitProofs, nativeProofs, spelledFor } from './limit-proofs.js'

/** Whether the row says that a program fails on a family. */
function holds({ id, only }: LimitProof, family: ChipFamily): boolean {
  const { chips } = limitRule(id)!
  return (chips === 'all' || chips.includes(family)) && (only === undefined || only.includes(family))
}

describe.each(chipFamilies)('on %s', (chip) => {
  const proofs = limitProofs.map((proof, i) => [`${proof.id}, program ${i + 1}`, proof] as const)

  const taken = proofs.filter(([, { except }]) => !except?.includes(chip))

  it.each(taken.filter(([, proof]) => holds(proof, chip)))(
    'what breaks %s is caught before and after',
    async (_, proof) => {
      const { id, shown } = proof
      const mil = spelledFor(chip, proof)
      const program = parse(mil)
      const { checker } = limitRule(id)!
      const errors = checkLimits(program, { chip }).filter(({ severity }) => severity === 'error')
      expect([...new Set(errors.map(({ rule }) => rule))]).toEqual(checker ? [id] : [])
      const blobs = proof.files ?? zeroFiles(program)
      const device = await openDevice('ane-sim', { chip, threads: 1 })
      const cpu = await openDevice('cpu', { threads: 1, math: 'exact' })
      try {
        const outcome = await attempt(device, mil, blobs)
        if (shown === 'numbers') {
          const right = await attempt(cpu, mil, proof.intact ?? blobs)
          expect([outcome, right]).toEqual([{ outputs: expect.any(Array) }, { outputs: expect.any(Array) }])
          expect(outcome).not.toEqual(right)
          return
        }
        const failed = shown === 'device' ? 'compile' : shown
        const names = [
          ...(shown === 'device' ? [] : [`(simulated ${id}: `]),
          ...(failed === 'compile' ? [`It breaks limit ${id} of ${chip} `] : []),
        ]
        for (const name of names) expect(outcome).toMatchObject({ failed, message: expect.stringContaining(name) })
      } finally {
        device.dispose()
        cpu.dispose()
      }
    },
  )

  it.each(taken.filter(([, proof]) => !holds(proof, chip)))('%s is not what stops its program', async (_, proof) => {
    const { id, shown } = proof
    const mil = spelledFor(chip, proof)
    const program = parse(mil)
    const errors = checkLimits(program, { chip }).filter(({ severity }) => severity === 'error')
    expect(errors.map(({ rule }) => rule)).not.toContain(id)
    const device = await openDevice('ane-sim', { chip, threads: 1 })
    const cpu = await openDevice('cpu', { threads: 1, math: 'exact' })
    try {
      const blobs = proof.files ?? zeroFiles(program)
      const outcome = await attempt(device, mil, blobs)
      if ('failed' in outcome) {
        expect(outcome.message).not.toContain(`simulated ${id}:`)
        expect(
          errors.map(({ rule }) => rule),
          outcome.message,
        ).toContain(/simulated ([CL]-\d+)/.exec(outcome.message)?.[1])
      } else if (shown === 'numbers') {
        expect(outcome).toEqual(await attempt(cpu, mil, blobs))
      }
    } finally {
      device.dispose()
      cpu.dispose()
    }
  })
})

describe('every limit that no report contradicts', () => {
  const errors = limitRules.filter(({ severity }) => severity === 'error').map(({ id }) => id)

  it('has a program that breaks it, or a test of the bridge below what a device lets a program do', () => {
    const proven = new Set([...limitProofs.map(({ id }) => id), ...Object.keys(nativeProofs)])
    expect([...proven].sort()).toEqual([...errors].sort())
  })

  it.each(Object.entries(nativeProofs))(
    '%s is named by the simulator in its own test',
    (id, { test: [file, name] }) => {
      const source = readFileSync(new URL(`../native/test/${file}`, import.meta.url), 'utf8')
      const start = source.indexOf(`TEST(${name}) {`)
      expect(start).toBeGreaterThan(-1)
      expect(source.slice(start, source.indexOf('\n}\n', start))).toContain(`"${id}"`)
    },
  )

  const withSurfaces = Object.entries(nativeProofs).filter(([, { surfaces }]) => surfaces !== undefined)

  it('is looked for in the surfaces where no program alone breaks it', () => {
    const looked = withSurfaces.map(([id]) => id)
    expect(Object.keys(nativeProofs).filter((id) => limitRule(id)!.checker !== undefined)).toEqual(looked)
  })

  it.each(withSurfaces)('%s is reported for the sizes of surfaces', (id, { program, surfaces = {} }) => {
    const { chips } = limitRule(id)!
    const equal = Object.fromEntries(Object.keys(surfaces).map((name) => [name, 131072]))
    for (const chip of chips === 'all' ? chipFamilies : chips) {
      const reported = (sizes: SurfaceSizes) =>
        checkLimits(program!, { chip, surfaces: sizes }).filter(({ rule }) => rule === id)
      expect(reported(surfaces).map(({ severity }) => severity)).toContain('error')
      expect(reported(equal)).toEqual([])
    }
  })

  it('on loaded programs stops the one beyond it', async () => {
    const device = await openDevice('ane-sim', { chip: 'm5', loadLimit: 2, threads: 1 })
    const loaded: Executable[] = []
    try {
      const program = (factor: number) => print(unary('mul', { y: factor }))
      for (const factor of [2, 3]) loaded.push(await device.compile(program(factor)))
      await expect(device.compile(program(4))).rejects.toThrow('(simulated C-102: 2 programs are loaded)')
      loaded.pop()?.dispose()
      loaded.push(await device.compile(program(4)))
    } finally {
      for (const executable of loaded) executable.dispose()
      device.dispose()
    }
  })

  it('is met by a program on every family it was reported on', () => {
    for (const family of chipFamilies) {
      const reported = errors.filter((id) => {
        const { chips } = limitRule(id)!
        return !(id in nativeProofs) && (chips === 'all' || chips.includes(family))
      })
      const met = limitProofs.filter((proof) => holds(proof, family) && !proof.except?.includes(family))
      const unmet = reported.filter((id) => !met.some((proof) => proof.id === id))
      // M1 and M2 refuse the spelling that attention needs, and M1 several weights in a file.
      expect(unmet).toEqual({ m1: ['C-20', 'C-91'], m2: ['C-20'] }[family as string] ?? [])
    }
  })
})
