import { readFileSync } from 'node:fs'
import { type ChipFamily, checkLimits, chipFamilies, limitRule, limitRules, parse } from '@ane/mil'
import { aneStatistics, openDevice } from '@ane/runtime'
import { describe, expect, it } from 'vitest'
import { attempt, type Outcome, zeroFiles } from './limit-attempt.js'
import { type ContestedProof, contestedNative, contestedProofs, described } from './limit-contested-proofs.js'
import { spelledFor } from './limit-proofs.js'

interface Told {
  readonly outcome: Outcome
  /** Limits among the findings, refused ones too. */
  readonly found: readonly string[]
}

/** Whether the row says that the program breaks it on a family. */
function holds({ id, only }: ContestedProof, family: ChipFamily): boolean {
  const { chips } = limitRule(id)!
  return (chips === 'all' || chips.includes(family)) && (only === undefined || only.includes(family))
}

/** What a simulator tells of a program, by itself or with limits it is strict about. */
async function tell(chip: ChipFamily, mil: string, strict?: readonly string[]): Promise<Told> {
  const device = await openDevice('ane-sim', { chip, threads: 1, ...(strict && { strict }) })
  try {
    const outcome = await attempt(device, mil, zeroFiles(parse(mil)))
    const { findings } = aneStatistics(device)!.simulator as { findings: { rule: string }[] }
    return { outcome, found: findings.map(({ rule }) => rule) }
  } finally {
    device.dispose()
  }
}

const spelled = (chip: ChipFamily, proof: ContestedProof) => (proof.id === 'C-05' ? proof.mil : spelledFor(chip, proof))

describe.each(chipFamilies)('on %s', (chip) => {
  const proofs = contestedProofs.map((proof, i) => [`${proof.id}, program ${i + 1}`, proof] as const)

  it.each(proofs.filter(([, proof]) => holds(proof, chip)))(
    'what breaks %s is reported before, noted by the simulator, and refused by a strict one',
    async (_, proof) => {
      const { id, shown, numbers } = proof
      const mil = spelled(chip, proof)
      const reports = checkLimits(parse(mil), { chip }).filter(({ rule }) => rule === id)
      expect(reports.map(({ severity }) => severity)).toContain(limitRule(id)!.severity)
      const strict = await tell(chip, mil, [id])
      expect(strict.outcome).toMatchObject({
        failed: shown,
        message: expect.stringContaining(`(simulated ${id}: `),
      })
      const { outcome, found } = await tell(chip, mil)
      expect(found).toContain(id)
      if (!numbers) return
      const cpu = await openDevice('cpu', { threads: 1, math: 'exact' })
      try {
        expect(outcome).toEqual({ outputs: expect.any(Array) })
        expect(outcome).not.toEqual(await attempt(cpu, mil, zeroFiles(parse(mil))))
      } finally {
        cpu.dispose()
      }
    },
  )

  it.each(proofs.filter(([, proof]) => !proof.everywhere && !holds(proof, chip)))(
    '%s is nothing that a strict simulator says of its program',
    async (_, proof) => {
      const { outcome, found } = await tell(chip, spelled(chip, proof), [proof.id])
      expect(found).not.toContain(proof.id)
      expect('failed' in outcome ? outcome.message : '').not.toContain(`simulated ${proof.id}:`)
    },
  )
})

describe('every limit that reports contradict, or that is advice', () => {
  const rows = limitRules.filter(({ severity }) => severity !== 'error').map(({ id }) => id)

  it('has a program that breaks it, a test of the simulator, or a reason why neither shows it', () => {
    const lists = [
      [...new Set(contestedProofs.map(({ id }) => id))],
      Object.keys(contestedNative),
      Object.keys(described),
    ]
    expect(lists.flat().sort()).toEqual([...rows].sort())
  })

  it.each(Object.entries(contestedNative))('%s is named by the test of the simulator', (id, [file, name]) => {
    const source = readFileSync(new URL(`../native/test/${file}`, import.meta.url), 'utf8')
    const start = source.indexOf(`TEST(${name}) {`)
    expect(start).toBeGreaterThan(-1)
    expect(source.slice(start, source.indexOf('\n}\n', start))).toMatch(new RegExp(`${id}\\b`))
  })

  it('is met by a program on every family it was reported on', () => {
    const unmet = chipFamilies.flatMap((family) =>
      rows.filter((id) => {
        const { chips } = limitRule(id)!
        const own = contestedProofs.filter((proof) => proof.id === id)
        const reported = chips === 'all' || chips.includes(family)
        return own.length > 0 && reported && !own.some((proof) => holds(proof, family))
      }),
    )
    expect(unmet).toEqual([])
  })
})
