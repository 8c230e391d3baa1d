import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { byteCharacters, spellBytes } from './byte-characters.js'
import { loadTokenizer, tokenizerFromJson } from './index.js'
import { translatePattern } from './regex-translation.js'

const folder = mkdtempSync(path.join(tmpdir(), 'ane-tokenizer-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const vocab = Object.fromEntries([...byteCharacters, 'ab', 'abc', 'Ġa'].map((token, id) => [token, id]))
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, use_regex: true }
const json = (extra: object = {}, model: object = {}) => ({
  added_tokens: [],
  pre_tokenizer: byteLevel,
  decoder: byteLevel,
  model: { type: 'BPE', vocab, merges: ['a b', 'ab c', 'Ġ a'], ...model },
  ...extra,
})
const added = (content: string, extra: object = {}) => ({ id: 300, content, special: true, ...extra })

describe('tokenizer.json', () => {
  it('applies merges in the order of the file, written as texts or as pairs', () => {
    expect(tokenizerFromJson(json()).encode('abc ab')).toEqual([257, vocab.Ġ, 256])
    const pairs = [
      ['Ġ', 'a'],
      ['a', 'b'],
    ]
    expect(tokenizerFromJson(json({}, { merges: pairs })).encode('ab ab')).toEqual([256, 258, vocab.b])
  })

  it('turns text that spells an added token into it, the longest first, unless told not to', () => {
    const tokenizer = tokenizerFromJson(json({ added_tokens: [added('<x>'), added('<x><y>', { id: 301 })] }))
    expect(tokenizer.vocabSize).toBe(302)
    expect(tokenizer.encode('ab<x><y><x>')).toEqual([256, 301, 300])
    expect(tokenizer.encode('<x>', { specialTokens: false })).toHaveLength(3)
    expect(tokenizer.decode([300, 256])).toBe('<x>ab')
  })

  it('lets added tokens take white space or insist on word boundaries', () => {
    const strip = tokenizerFromJson(json({ added_tokens: [added('<x>', { lstrip: true, rstrip: true })] }))
    expect(strip.encode('ab <x> ab')).toEqual([256, 300, 256])
    const word = tokenizerFromJson(json({ added_tokens: [added('ab', { id: 256, single_word: true })] }))
    expect(word.encode('ab')).toEqual([256])
    expect(word.encode('abc')).toEqual([257])
  })

  it('normalizes before it cuts', () => {
    const tokenizer = tokenizerFromJson(json({ normalizer: { type: 'NFC' } }))
    expect(tokenizer.decode(tokenizer.encode('e\u0301'))).toBe('é')
  })

  it.each([
    ['model.merges[0]', json({}, { merges: ['a zz'] })],
    ['model.type', json({}, { type: 'WordPiece' })],
    ['normalizer.type', json({ normalizer: { type: 'Magic' } })],
    ['pattern.Regex', json({ pre_tokenizer: { type: 'Split', pattern: { Regex: '\\Ga' }, behavior: 'Isolated' } })],
    ['added_tokens[0].id', json({ added_tokens: [added('x', { id: -1 })] })],
  ])('names %s when it is wrong', (name, value) => {
    expect(() => tokenizerFromJson(value)).toThrow(name)
  })

  it('merges a very long word as it merges a short one', () => {
    const tokenizer = tokenizerFromJson(json())
    expect(tokenizer.encode('abc'.repeat(100_000))).toEqual(new Array(100_000).fill(257))
  })
})

describe('vocab.json with merges.txt', () => {
  it('load together and name the line of a bad merge', () => {
    writeFileSync(path.join(folder, 'vocab.json'), JSON.stringify({ ...vocab, '<|endoftext|>': 259 }))
    writeFileSync(path.join(folder, 'merges.txt'), '#version: 0.2\na b\nab c\n')
    const tokenizer = loadTokenizer(folder)
    expect(tokenizer.encode('abc<|endoftext|>', { bos: true })).toEqual([259, 257, 259])
    writeFileSync(path.join(folder, 'merges.txt'), '#version: 0.2\na b\nab q\n')
    expect(() => loadTokenizer(folder)).toThrow(/merges\.txt:3:1/)
  })
})

describe('patterns', () => {
  it('ignore case only inside (?i:…), with the long s', () => {
    const pattern = translatePattern("(?i:'s|'ll)|x")
    expect("'S 'ſ 'Ll X x".match(pattern)).toEqual(["'S", "'ſ", "'Ll", 'x'])
  })

  it('give white space its Unicode meaning', () => {
    expect('\u0085\ufeff'.match(translatePattern('\\s'))).toEqual(['\u0085'])
    expect('a\ufeff'.match(translatePattern('[^\\sa]'))).toEqual(['\ufeff'])
  })

  it('know anchors, atomic groups and properties', () => {
    expect('aXa'.replace(translatePattern('\\Aa|a\\z'), '-')).toBe('-X-')
    expect('aab'.match(translatePattern('(?>a+)ab'))).toBeNull()
    expect('aΩ1'.match(translatePattern('\\p{Lu}|\\p{^L}'))).toEqual(['Ω', '1'])
  })

  it('refuse what has no counterpart', () => {
    for (const source of ['\\Ga', '[a&&b]', 'a++', '(?x)a', '('])
      expect(() => translatePattern(source)).toThrow(SyntaxError)
  })
})

it('spells every byte with a character of its own', () => {
  expect(new Set(byteCharacters).size).toBe(256)
  expect(spellBytes(Buffer.from(' \nA'))).toBe('ĠĊA')
})
