import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { trainBpe } from './index.js'

describe('training a vocabulary', () => {
  it('merges the most frequent pair first and the lower ids among equals', async () => {
    const tokenizer = await trainBpe(['xyxy xyz', 'abab'], { vocabSize: 260, specialTokens: ['<s>'] })
    expect([257, 258, 259].map((id) => tokenizer.idToToken(id))).toEqual(['xy', 'ab', undefined])
    expect(tokenizer.idToToken(0)).toBe('<s>')
    expect(tokenizer.idToToken(1)).toBe('Ā')
  })

  it('agrees with counting all pairs anew after every merge', async () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 12 }), async (words) => {
        const tokenizer = await trainBpe([words.join('\n')], { vocabSize: 268, specialTokens: [] })
        const merges = (tokenizer.toJSON().model as { merges: [string, string][] }).merges
        expect(merges).toEqual(countedMerges(words, 268 - 256))
      }),
      { numRuns: 60 },
    )
  })

  it('gives the same vocabulary whatever the order of the texts', async () => {
    const texts = ['the cat', 'the dog and the cat', 'a dog']
    const first = await trainBpe(texts, { vocabSize: 280 })
    const second = await trainBpe(texts.toReversed(), { vocabSize: 280 })
    expect(second.checksum()).toBe(first.checksum())
  })

  it('decodes every text back, whether or not it was trained on it', async () => {
    const tokenizer = await trainBpe(['some words, some more words'], { vocabSize: 300 })
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
      }),
    )
  })

  it('stops early when nothing repeats, and never learns from special tokens', async () => {
    const tokenizer = await trainBpe(['<|endoftext|><|endoftext|>ab'], { vocabSize: 400 })
    expect(tokenizer.vocabSize).toBe(257)
    expect(tokenizer.encode('ab', { bos: true, eos: true })).toEqual([0, 98, 99, 0])
  })

  it('refuses sizes that cannot hold the bytes, and empty text', async () => {
    await expect(trainBpe(['a'], { vocabSize: 256 })).rejects.toThrow(/from 257/)
    await expect(trainBpe([], { vocabSize: 300 })).rejects.toThrow(RangeError)
    await expect(trainBpe(['a'], { vocabSize: 300, bosToken: '<s>' })).rejects.toThrow(RangeError)
  })
})

/** The slow definition: count, take the best, replace, again. Line breaks form words of their own. */
function countedMerges(lines: string[], most: number): [string, string][] {
  let words = lines.map((line) => [...line])
  const order = new Map<string, number>([...'abc'].map((character) => [character, character.charCodeAt(0)]))
  const merges: [string, string][] = []
  while (merges.length < most) {
    const counts = new Map<string, number>()
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++) {
        const key = `${word[i]} ${word[i + 1]}`
        counts.set(key, (counts.get(key) ?? 0) + 1)
      }
    }
    const candidates = [...counts]
      .map(([key, count]) => ({ pair: key.split(' ') as [string, string], count }))
      .filter(({ pair, count }) => count >= 2 && !order.has(pair.join('')))
    candidates.sort(
      (a, b) =>
        b.count - a.count ||
        order.get(a.pair[0])! - order.get(b.pair[0])! ||
        order.get(a.pair[1])! - order.get(b.pair[1])!,
    )
    const best = candidates[0]?.pair
    if (!best) break
    merges.push(best)
    order.set(best.join(''), 1000 + merges.length)
    words = words.map((word) => {
      const out: string[] = []
      for (let i = 0; i < word.length; i++) {
        if (word[i] === best[0] && word[i + 1] === best[1]) out.push(best.join('')) && i++
        else out.push(word[i])
      }
      return out
    })
  }
  return merges
}
