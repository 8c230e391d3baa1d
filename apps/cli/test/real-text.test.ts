import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openShards } from '@ane/tokenizer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ane, workshop } from './ane.js'

const text = fileURLToPath(new URL('../../../../shared/data/text/tinystories.txt', import.meta.url))

let shop: ReturnType<typeof workshop>
beforeAll(() => {
  shop = workshop()
})
afterAll(() => shop.remove())

/** Entropy of the token frequencies, nats: the loss of a model that knows only how often each token occurs. */
function unigramEntropy(shards: string): number {
  const reader = openShards(shards)
  const counts = new Float64Array(reader.vocabSize)
  for (const id of reader.read(0, reader.tokens)) counts[id]++
  reader.close()
  return counts.reduce((sum, n) => (n === 0 ? sum : sum - (n / reader.tokens) * Math.log(n / reader.tokens)), 0)
}

describe.skipIf(!existsSync(text))('ane train on TinyStories (needs ../shared)', () => {
  it('learns the Stories15M shape well below the unigram entropy of its tokens', { timeout: 300_000 }, async () => {
    const flags = ['--max-steps', '350', '--batch-size', '2', '--eval-steps', '350', '--output-dir', 'run']
    const { status, err } = await ane(['train', '--data', text, '--model', 'stories15m', ...flags], shop.folder)
    expect(err).toBe('')
    expect(status).toBe(0)
    const events = readFileSync(join(shop.folder, 'run', 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const last = events.filter(({ type }) => type === 'eval').at(-1)
    expect(last['eval/loss']).toBeLessThan(unigramEntropy(join(shop.folder, 'run', 'data')) - 1.5)
  })
})
