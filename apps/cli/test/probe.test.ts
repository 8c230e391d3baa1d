import { mkdtempSync, readdirSync, rmSync, watch } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ane, finished, start } from './ane.js'

const names = [
  ...['reload', 'weights-buffer', 'qos', 'perf-stats', 'procedure', 'chaining', 'cache', 'sram', 'peak', 'dispatch'],
  ...['int8', 'concurrency', 'ops', 'compile-budget'],
]
const simulated = ['--device', 'ane-sim', '--runs', '1']

interface Result {
  probe: string
  columns: string[]
  rows: unknown[][]
  samples: { label: string; unit: string; source: string; values: number[] }[]
  summary: Record<string, unknown>
  conclusion: string
}

async function probe(name: string, ...more: string[]) {
  const { status, out, err } = await ane(['probe', name, ...simulated, ...more, '--json'], tmpdir())
  expect(err).toBe('')
  expect(status).toBe(0)
  const document = JSON.parse(out)
  return { document, result: document.probes[0] as Result }
}

describe('ane probe', () => {
  it('lists its questions without a name', async () => {
    const { status, out } = await ane(['probe', '--json'], tmpdir())
    expect(status).toBe(0)
    expect(JSON.parse(out).probes.map(({ name }: { name: string }) => name)).toEqual(names)
  })

  it('answers every question in one schema', { timeout: 180_000 }, async () => {
    const { document } = await probe('all')
    expect(document).toMatchObject({
      schema: 'ane-probe',
      schema_version: 1,
      chip: 'm4',
      os: '26.2',
      device: { kind: 'ane-sim', modelled: true },
      machine: { node: process.version },
    })
    expect(document.probes.map(({ probe }: Result) => probe)).toEqual(names)
    for (const { columns, rows, samples, summary, conclusion, probe } of document.probes as Result[]) {
      expect(summary.error_code ?? null, probe).toBe(probe === 'compile-budget' ? 'ANE_COMPILE_LIMIT' : null)
      expect(rows.length, probe).toBeGreaterThan(0)
      for (const row of rows) expect(row).toHaveLength(columns.length)
      expect(conclusion).toMatch(/\.$/)
      for (const { unit, source, values } of samples) {
        expect(unit).toBe('ms')
        expect(['measured', 'modelled']).toContain(source)
        expect(values.length > 0 && values.every((value) => Number.isFinite(value) && value >= 0)).toBe(true)
      }
    }
  })

  it('finds that baked weights change with a compile and not with their file', async () => {
    const { result } = await probe('reload')
    expect(result.summary).toEqual({
      output_before: 3,
      output_after_overwriting_file: 3,
      output_after_same_weights: 3,
      output_after_recompile: 5,
      weights_change_with_file: false,
      weights_change_with_compile: true,
    })
    expect(result.rows[2][1]).toMatch(/^not available on this device: /)
  })

  it('finds where the compile budget ends, and that some chips have none', async () => {
    const { result } = await probe('compile-budget', '--compile-limit', '5')
    expect(result.summary).toMatchObject({ compiles: 5, limit_reached: true, error_code: 'ANE_COMPILE_LIMIT' })
    const { result: unlimited } = await probe('compile-budget', '--chip', 'm1-pro')
    expect(unlimited.summary).toMatchObject({ limit_reached: false, error_code: null })
  })

  it('finds that identical text and weights are one program', async () => {
    const { result } = await probe('cache')
    expect(result.summary).toMatchObject({
      new_program_hit: false,
      loaded_hit: true,
      other_weights_hit: false,
      other_text_hit: false,
    })
  })

  it('finds that weights which are an input change without a compile', async () => {
    const { result } = await probe('weights-buffer')
    expect(result.summary).toEqual({ weights_buffer_overrides: null, input_weights_change: true })
  })

  it('gives the dispatch time of the chip with its surfaces, as modelled', async () => {
    const [m4, m1] = [await probe('dispatch'), await probe('dispatch', '--chip', 'm1-pro')]
    expect(Number(m4.result.summary.fixed_ms)).toBeCloseTo(0.095, 2)
    expect(Number(m1.result.summary.fixed_ms)).toBeCloseTo(0.16 + (2 * 65536) / 9e6, 3)
    expect(m4.result.samples.some(({ source }) => source === 'modelled')).toBe(true)
  })

  it.each([
    ['m4', { 'gelu exact': 'refused', 'conv with bias': 'refused', rsqrt: 'right', sin: 'right', stack: 'right' }],
    ['m5', { 'gelu exact': 'right', 'conv with bias': 'right', rsqrt: 'refused', sin: 'right', stack: 'refused' }],
    ['m1', { 'gelu exact': 'right', 'conv with bias': 'right', rsqrt: 'refused', sin: 'refused', stack: 'right' }],
  ])('finds which operators %s refuses, and that it ignores attention masks', async (chip, expected) => {
    const { document, result } = await probe('ops', '--chip', chip)
    expect(document.chip).toBe(chip)
    expect(result.summary).toMatchObject({
      ...expected,
      cumsum: 'refused',
      scaled_dot_product_attention: 'right',
      'scaled_dot_product_attention with a mask': 'wrong',
    })
    const masked = result.rows.find(([name]) => name === 'scaled_dot_product_attention with a mask')
    expect(masked?.[3]).toContain('C-20')
  })

  it('shows people a table and what it means', async () => {
    const { status, out } = await ane(['probe', 'chaining', ...simulated], tmpdir())
    expect(status).toBe(0)
    expect(out).toContain('modelled')
    expect(out).toContain('two programs sharing a surface')
    expect(out.trim().split('\n').at(-1)).toMatch(/^One program takes 0\.\d+ of the time of two/)
  })

  it.each([
    [['reload', '--device', 'cpu'], 3, /Expected ane or ane-sim for --device, got cpu/],
    [['reload', '--device', 'auto'], 3, /ane-sim/],
    [['relod', '--device', 'ane-sim'], 2, /Did you mean reload\?/],
    [['reload', '--device', 'tpu'], 2, /for --device, got "tpu"/],
    [['reload', '--chip', 'm4'], 2, /Expected --device ane-sim for --chip, got ane/],
    [['reload', '--device', 'ane-sim', '--chip', 'm9'], 2, /m9/],
    [['reload', '--device', 'ane-sim', '--runs', '0'], 2, /--runs, got "0"/],
    [['reload', '--device', 'ane-sim', '--compile-limit', 'x'], 2, /--compile-limit, got "x"/],
  ])('%j ends with status %i and a message', async (args, code, message) => {
    const { status, out, err } = await ane(['probe', ...args], tmpdir())
    expect(err).toMatch(message)
    expect(status).toBe(code)
    expect(out).toBe('')
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('leaves no temporary files when it is stopped by %s', async (signal) => {
    const TMPDIR = mkdtempSync(join(tmpdir(), 'ane-probe-'))
    try {
      const child = start(['probe', 'peak', ...simulated, '--runs', '20'], tmpdir(), { TMPDIR })
      const begun = watch(TMPDIR, () => {
        begun.close()
        child.kill(signal)
      })
      const { status, err } = await finished(child)
      expect({ status, err, left: readdirSync(TMPDIR) }).toEqual({ status: 130, err: '', left: [] })
    } finally {
      rmSync(TMPDIR, { recursive: true })
    }
  })

  it.skipIf(process.platform === 'darwin')('refuses machines without a Neural Engine with status 3', async () => {
    const { status, out, err } = await ane(['probe', 'reload'], tmpdir())
    expect(err).toMatch(/needs macOS on Apple silicon.*ane-sim/)
    expect(status).toBe(3)
    expect(out).toBe('')
  })
})
