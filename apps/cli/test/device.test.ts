import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ane, finished, quick, start, workshop } from './ane.js'

const shop = workshop()
afterAll(shop.remove)

/** Losses of a run by step. */
const losses = (run: string): [step: number, loss: number][] =>
  readFileSync(join(shop.folder, run, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ type }) => type === 'step')
    .map((event) => [event.step, event['train/loss'] ?? event.loss])

describe('--device', () => {
  it('trains on the simulated Neural Engine to the losses of the CPU engine', async () => {
    for (const [run, device] of [
      ['on-cpu', ['--device', 'cpu']],
      ['on-sim', ['--device', 'ane-sim', '--chip', 'm3', '--os', '15.4']],
    ] as const) {
      const { status, err, out } = await ane(quick(run, '--max-steps', '6', ...device), shop.folder)
      expect({ run, status, err }).toEqual({ run, status: 0, err: '' })
      if (run === 'on-sim')
        expect(out).toMatch(/Neural Engine simulator, M3, macOS 15\.4, .*, fp16 graph lowered for m3 and macOS 15\.4/)
    }
    const [simulated, expected] = [losses('on-sim'), losses('on-cpu')]
    expect(simulated.map(([step]) => step)).toEqual([1, 2, 3, 4, 5, 6])
    for (const [i, [, loss]] of expected.entries()) expect(simulated[i][1]).toBeCloseTo(loss, 2)
  })

  it('refuses a chip where none is simulated, and chips that do not exist', async () => {
    const chip = await ane(quick('none', '--chip', 'm4'), shop.folder)
    expect(chip.status).toBe(2)
    expect(chip.err).toContain('Expected --device ane-sim for --chip, got auto.')
    const unknown = await ane(quick('none', '--device', 'ane-sim', '--chip', 'm0'), shop.folder)
    expect(unknown.status).toBe(2)
    expect(unknown.err).toContain('for chip, got m0.')
    expect(existsSync(join(shop.folder, 'none'))).toBe(false)
  })

  it('saves on Ctrl-C on the simulated Neural Engine, leaves no temporary files, and continues', async () => {
    const env = { TMPDIR: join(shop.folder, 'temporary') }
    mkdirSync(env.TMPDIR)
    const stop = quick('stopped', '--max-steps', '400', '--device', 'ane-sim', '--eval-steps', '0', '--json')
    const child = start(stop, shop.folder, env)
    child.stdout?.once('data', () => child.kill('SIGINT'))
    const { status, err } = await finished(child)
    expect(err).toContain('Stopping after this step; saving.')
    expect(status).toBe(130)
    expect(readdirSync(env.TMPDIR)).toEqual([])
    const saved = losses('stopped').length
    const resumed = await ane(['train', '--resume', 'stopped', '--max-steps', String(saved + 2)], shop.folder, env)
    expect(resumed).toMatchObject({ status: 0, err: '' })
    expect(losses('stopped')).toHaveLength(saved + 2)
    expect(readdirSync(env.TMPDIR)).toEqual([])
  })

  it('names the temporary folder that programs cannot be written to', async () => {
    const TMPDIR = join(shop.folder, 'nowhere')
    const { status, err } = await ane(quick('none', '--device', 'ane-sim'), shop.folder, { TMPDIR })
    expect(err).toMatch(/could not write .*nowhere.*: No such file or directory\. TMPDIR names the folder\./)
    expect(err).not.toContain('known limit')
    expect(status).toBe(3)
  })

  it.skipIf(process.platform === 'darwin')('exits with 3 where there is no Neural Engine', async () => {
    const { status, err } = await ane(quick('none', '--device', 'ane'), shop.folder)
    expect(status).toBe(3)
    expect(err).toContain('needs macOS on Apple silicon')
  })
})
