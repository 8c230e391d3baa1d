import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ane, quick, workshop } from './ane.js'

let shop: ReturnType<typeof workshop>
beforeAll(() => {
  shop = workshop()
})
afterAll(() => shop.remove())

const events = (run: string) =>
  readFileSync(join(shop.folder, run, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
const losses = (run: string) =>
  events(run)
    .filter(({ type }) => type === 'step')
    .map((step) => step['train/loss'])

describe('a run that compiles more programs than a process may', () => {
  it('saves, continues in fresh processes, and gets the losses of a run without the limit', async () => {
    const flags = ['--max-steps', '40', '--weights', 'baked', '--eval-steps', '0']
    const limited = await ane(quick('limited', ...flags, '--device', 'ane-sim', '--chip', 'm4'), shop.folder)
    expect(limited.err).toBe('')
    expect(limited.status).toBe(0)
    // The same programs on a chip that sets no limit.
    const free = await ane(quick('free', ...flags, '--device', 'ane-sim', '--chip', 'm3'), shop.folder)
    expect(free.status).toBe(0)
    expect(losses('limited')).toEqual(losses('free'))
    expect(
      events('limited').filter(({ type, reason }) => type === 'end' && reason === 'restart').length,
    ).toBeGreaterThan(0)
  })
})
