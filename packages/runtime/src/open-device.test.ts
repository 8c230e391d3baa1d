import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { afterEach, describe, expect, it } from 'vitest'
import { diagnoseAddon } from './cpu/diagnosis.js'
import { AneError, deviceReport, loadAddon, openDevice } from './index.js'

describe('openDevice', () => {
  afterEach(() => {
    delete process.env.ANE_ISA
  })

  it('describes what it picked', async () => {
    const device = await openDevice('auto', { threads: 1 })
    expect(device.description).toMatchObject({ kind: 'cpu', math: 'exact', threads: 1 })
    expect(device.description.summary).toMatch(/^CPU engine, .+, 1 thread$/)
    expect(device.description.arithmetic).toBe('fp32')
    device.dispose()
    const fast = await openDevice('cpu', { math: 'fast', threads: 1 })
    expect(fast.description.summary).toContain(`, ${fast.description.arithmetic} products`)
    fast.dispose()
    expect((await openDevice('reference', { math: 'fast' })).description).toMatchObject({
      kind: 'reference',
      math: 'fast',
      threads: 1,
    })
  })

  it('refuses unknown kinds, options and numbers of threads', async () => {
    await expect(openDevice('gpu' as never)).rejects.toThrow(
      'Expected one of auto, cpu, reference, ane, ane-sim for the device, got gpu.',
    )
    await expect(openDevice('cpu', { thread: 1 } as never)).rejects.toThrow('got thread.')
    await expect(openDevice('cpu', { math: 'loose' as never })).rejects.toThrow('Expected exact or fast for math')
    const { availableCores } = loadAddon().processor()
    for (const kind of ['cpu', 'reference'] as const) {
      for (const threads of [0, -1, 1.5, 100_000, Number.NaN, '2' as never]) {
        await expect(openDevice(kind, { threads })).rejects.toThrow(
          /^Expected an integer from 1 to \d+ for threads, got /,
        )
      }
    }
    expect(() => loadAddon().deviceCreate(availableCores + 1, true)).toThrow(RangeError)
  })

  it('refuses an instruction set this processor does not have', async () => {
    process.env.ANE_ISA = 'mmx'
    await expect(openDevice('cpu')).rejects.toThrow(/^Expected one of .*portable for ANE_ISA, got mmx\.$/)
  })

  it('computes with the instruction set ANE_ISA names', () => {
    const script = `
      const addon = require(${JSON.stringify(createRequire(import.meta.url).resolve('@ane/native'))})
      console.log(addon.deviceCreate(1, true).isa)`
    for (const isa of loadAddon().processor().isas) {
      const result = spawnSync(process.execPath, ['-e', script], {
        encoding: 'utf8',
        env: { ...process.env, ANE_ISA: isa },
      })
      expect(result.stdout.trim()).toBe(isa)
    }
  })
})

describe('diagnoseAddon', () => {
  const linux = { platform: 'linux', arch: 'x64', nodeVersion: 'v22.1.0', glibc: '2.31', translated: false }
  const failure = (message: string, code?: string) => Object.assign(new Error(message), { code })

  it('says how to build a missing addon', () => {
    const error = diagnoseAddon(failure('Expected the native addon at x, found nothing.', 'ADDON_NOT_FOUND'), linux)
    expect(error).toBeInstanceOf(AneError)
    expect(error.code).toBe('ADDON_NOT_FOUND')
    expect(error.message).toContain('1. Build it: pnpm --filter @ane/native build')
    expect(error.message).toContain("openDevice('reference')")
  })

  it.each([
    ["version `GLIBC_2.38' not found", 'built on a newer system (this system has glibc 2.31)'],
    ['invalid ELF header', 'another processor or system; this Node is x64'],
    ['libstdc++.so.6: cannot open shared object file', 'apk add libstdc++'],
    ['undefined symbol: foo', 'remove native/build'],
  ])('explains %s', (message, advice) => {
    const error = diagnoseAddon(failure(message, 'ADDON_INCOMPATIBLE'), linux)
    expect(error.code).toBe('ADDON_INCOMPATIBLE')
    expect(error.message).toContain(advice)
  })

  it('notices an old Node, Windows and Rosetta', () => {
    const cause = failure('x', 'ADDON_NOT_FOUND')
    expect(diagnoseAddon(cause, { ...linux, nodeVersion: 'v18.20.0' }).message).toContain('too old')
    expect(diagnoseAddon(cause, { ...linux, platform: 'win32' }).message).toContain('WSL')
    expect(diagnoseAddon(cause, { ...linux, platform: 'darwin', translated: true }).message).toContain('Rosetta')
  })
})

it('reports the machine without throwing', () => {
  const report = deviceReport()
  expect(report).toMatchObject({ platform: process.platform, arch: process.arch, addon: { status: 'loaded' } })
  expect(report.cores.available).toBeLessThanOrEqual(report.cores.total)
  expect(report.isas).toContain('portable')
  expect(report.memory).toBeGreaterThan(0)
})
