import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ane } from './ane.js'

interface Table {
  name: string
  columns: string[]
  rows: (string | number)[][]
}

describe('ane bench report', () => {
  let folder: string
  const file = (name: string) => join(folder, name)
  const small = ['--model', 'stories260k', '--seq-len', '16', '--json']

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ane-report-'))
    const submissions: [string, string[]][] = [
      ['ops-m4.json', ['probe', 'ops', '--device', 'ane-sim', '--json']],
      ['ops-m5.json', ['probe', 'ops', '--device', 'ane-sim', '--chip', 'm5', '--json']],
      ['peak.json', ['probe', 'peak', '--device', 'ane-sim', '--runs', '1', '--json']],
      ['step.json', ['bench', 'step', '--device', 'cpu', '--steps', '1', ...small]],
      ['gemm.json', ['bench', 'gemm', '--rounds', '1', ...small]],
      ['pipelines.json', ['bench', 'pipelines', '--steps', '1', '--chips', 'm4', ...small]],
    ]
    for (const [name, args] of submissions) {
      const { status, out, err } = await ane(args, folder)
      expect(err).toBe('')
      expect(status).toBe(0)
      writeFileSync(file(name), out)
    }
  }, 240_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  async function tables(...names: string[]): Promise<Record<string, Table>> {
    const { status, out, err } = await ane(['bench', 'report', ...names.map(file), '--json'], folder)
    expect(err).toBe('')
    expect(status).toBe(0)
    return Object.fromEntries(JSON.parse(out).tables.map((table: Table) => [table.name, table]))
  }

  it('puts operators of several chips side by side and marks simulated ones', async () => {
    const { compatibility } = await tables('ops-m5.json', 'ops-m4.json')
    expect(compatibility.columns).toEqual(['operator', '~m4 (26.2)', '~m5 (26.3)'])
    const row = (name: string) => compatibility.rows.find(([operator]) => operator === name)
    expect(row('gelu exact')).toEqual(['gelu exact', 'refused', 'right'])
    expect(row('rsqrt')).toEqual(['rsqrt', 'right', 'refused'])
  })

  it('puts what was submitted before what was published, with the source', async () => {
    const { training, peak, models } = await tables('peak.json', 'step.json', 'gemm.json', 'pipelines.json')
    const kinds = (table: Table) => [...new Set(table.rows.map((row) => row[table.columns.indexOf('kind')]))]
    expect(kinds(training)).toEqual(['submitted', 'modelled', 'published'])
    expect(kinds(peak)).toEqual(['modelled', 'submitted', 'published'])
    for (const { rows, columns } of [training, peak])
      for (const row of rows) {
        expect(row).toHaveLength(columns.length)
        expect(row.at(-1)).not.toBe('')
      }
    expect(peak.rows).toContainEqual(['m4', '', '128 conv 512ch, 64×64', 18.6, 'published', 'maderix/ANE README'])
    expect(models.rows).toHaveLength(1)
    expect(models.rows[0].slice(0, 3)).toEqual(['stories260k', expect.any(Number), 16])
  })

  it('lists every measurement of a benchmark with its settings and its share of the limit', async () => {
    const { benchmarks } = await tables('gemm.json')
    const measured = benchmarks.rows.map((row) => row[benchmarks.columns.indexOf('measured')])
    expect(measured).toHaveLength(16)
    expect(measured.at(-1)).toBe('whole step')
    for (const row of benchmarks.rows) {
      expect(row).toHaveLength(benchmarks.columns.length)
      expect(row[1]).toContain('model stories260k')
      expect(row.at(-1)).toMatch(/^[\d.]+%$/)
    }
  })

  it('writes Markdown with plots, or prints it', async () => {
    const out = file('report')
    const written = await ane(['bench', 'report', file('step.json'), file('peak.json'), '--out', out], folder)
    expect(written.status).toBe(0)
    expect(readdirSync(out).sort()).toEqual(['peak.svg', 'report.md', 'training.svg'])
    expect(readFileSync(join(out, 'report.md'), 'utf8')).toContain('![Training](training.svg)')
    const svg = readFileSync(join(out, 'peak.svg'), 'utf8')
    expect(svg).toMatch(/^<svg xmlns=.*<\/svg>\n$/s)
    expect(svg).not.toMatch(/NaN|Infinity/)
    const printed = await ane(['bench', 'report', file('step.json')], folder)
    expect(printed.out).toContain('## MIL compatibility')
    expect(printed.out).toContain('| m4 |')
    expect(printed.out).not.toContain('.svg')
  })

  it.each([
    ['missing.json', undefined, /Expected a readable file at .*missing\.json/],
    ['text.json', 'hello', /Expected JSON in .*text\.json/],
    ['other.json', '{"a":1}', /Expected output of ane probe or ane bench.* in .*other\.json/],
    ['null.json', 'null', /in .*null\.json, got another file/],
    [
      'version.json',
      '{"schema":"ane-probe","schema_version":2}',
      /ane probe in .*version\.json, got a wrong schema_version/,
    ],
    ['empty.json', '{"schema":"ane-bench"}', /Expected output of ane bench in .*empty\.json/],
  ])('refuses %s by its path and writes nothing', async (name, content, message) => {
    if (content !== undefined) writeFileSync(file(name), content)
    const out = file('never')
    const { status, err } = await ane(['bench', 'report', file('step.json'), file(name), '--out', out], folder)
    expect(err).toMatch(message)
    expect(status).toBe(2)
    expect(existsSync(out)).toBe(false)
  })
})
