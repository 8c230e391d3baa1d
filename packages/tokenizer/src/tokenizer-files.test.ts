import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bytePieceName } from './byte-characters.js'
import { FormatError, loadTokenizer, type Tokenizer, tokenizerFromJson, trainBpe } from './index.js'
import { readSentencePieceModel } from './sentencepiece-model.js'
import { SentencePieceTokenizer } from './sentencepiece-tokenizer.js'
import { readTokenizerBin, writeTokenizerBin } from './tokenizer-bin.js'

const folder = mkdtempSync(path.join(tmpdir(), 'ane-tokenizer-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)])
const field = (number: number, bytes: Uint8Array | number[]) => [number * 8 + 2, ...varint(bytes.length), ...bytes]
const float = (number: number, value: number) => [number * 8 + 5, ...new Uint8Array(Float32Array.of(value).buffer)]
const integer = (number: number, value: number) => [...varint(number * 8), ...varint(value)]

/** A SentencePiece file: unknown, BOS, EOS, all bytes, then the given pieces with falling scores. */
function modelBytes(
  pieces: string[],
  { byteFallback = 1, dummyPrefix = 1, removeSpaces = 0, userDefined = [] as string[] } = {},
) {
  const piece = (text: string, score: number, type: number) =>
    field(1, [...field(1, Buffer.from(text)), ...float(2, score), ...integer(3, type)])
  return Uint8Array.from([
    ...piece('<unk>', 0, 2),
    ...piece('<s>', 0, 3),
    ...piece('</s>', 0, 3),
    ...(byteFallback ? Array.from({ length: 256 }, (_, byte) => piece(bytePieceName(byte), 0, 6)).flat() : []),
    ...pieces.flatMap((text, i) => piece(text, -i, 1)),
    ...userDefined.flatMap((text) => piece(text, 0, 4)),
    ...field(2, [...integer(3, 2), ...integer(35, byteFallback)]),
    ...field(3, [...integer(3, dummyPrefix), ...integer(4, removeSpaces)]),
  ])
}

const PIECES = ['▁a', 'bc', '▁ab', 'abc', '▁▁', '▁', 'a', 'b', 'c', 'é']
const text = (tokenizer: Tokenizer, input: string) => tokenizer.encode(input).map((id) => tokenizer.idToToken(id))
const load = (bytes: Uint8Array) => new SentencePieceTokenizer(readSentencePieceModel(bytes))

describe('SentencePiece models', () => {
  it('merges the best score first and the leftmost among equals', () => {
    const tokenizer = load(modelBytes(PIECES))
    expect(text(tokenizer, 'abc')).toEqual(['▁a', 'bc'])
    expect(text(tokenizer, 'cab')).toEqual(['▁', 'c', 'a', 'b'])
    expect(text(tokenizer, 'c ab')).toEqual(['▁', 'c', '▁ab'])
  })

  it('spells characters outside the vocabulary as bytes, or as one unknown piece without byte fallback', () => {
    expect(text(load(modelBytes(PIECES)), 'ü')).toEqual(['▁', '<0xC3>', '<0xBC>'])
    expect(text(load(modelBytes(PIECES, { byteFallback: 0 })), 'üxa')).toEqual(['▁', '<unk>', 'a'])
  })

  it('keeps or drops extra spaces as the model says', () => {
    expect(text(load(modelBytes(PIECES)), ' a  a ')).toEqual(['▁', '▁a', '▁', '▁a', '▁'])
    expect(text(load(modelBytes(PIECES, { removeSpaces: 1 })), ' a  a ')).toEqual(['▁a', '▁a'])
  })

  it('never merges a user-defined symbol with its neighbours', () => {
    expect(text(load(modelBytes(PIECES, { userDefined: ['b'.repeat(2)] })), 'abbc')).toEqual(['▁a', 'bb', 'c'])
  })

  it('encodes text that spells a control piece as text', () => {
    expect(load(modelBytes(PIECES)).encode('<s>')).not.toContain(1)
  })

  it('refuses models that are not BPE, repeat a piece or have none', () => {
    const unigram = modelBytes(PIECES).map((byte) => byte)
    expect(() => readSentencePieceModel(unigram.subarray(0, -20), 'x.model')).toThrow(FormatError)
    expect(() => readSentencePieceModel(modelBytes(['a', 'a']), 'x.model')).toThrow(/x\.model.*again/)
    expect(() => readSentencePieceModel(new Uint8Array(0), 'x.model')).toThrow(/got none/)
  })
})

describe('llama2.c vocabularies', () => {
  const bin = () => load(modelBytes(PIECES)).toTokenizerBin()

  it('give the ids of the model they were written from', () => {
    const file = path.join(folder, 'tok.bin')
    writeFileSync(file, bin())
    const tokenizer = loadTokenizer(file)
    const model = load(modelBytes(PIECES))
    expect([tokenizer.kind, tokenizer.vocabSize, tokenizer.bosId, tokenizer.eosId]).toEqual(['llama2c-bpe', 269, 1, 2])
    for (const sample of ['', 'abc', 'a ab  ü', '漢abc']) expect(tokenizer.encode(sample)).toEqual(model.encode(sample))
    expect(tokenizer.decode(tokenizer.encode('a ab  ü', { bos: true, eos: true }))).toBe('a ab  ü')
  })

  it('are written as they were read', () => {
    expect(writeTokenizerBin(readTokenizerBin(bin()))).toEqual(bin())
  })

  it('name the byte where a file is cut off', () => {
    const bytes = bin()
    const cut = bytes.subarray(0, bytes.length - 1)
    expect(() => readTokenizerBin(cut, 'tok.bin')).toThrow(`tok.bin at byte ${bytes.length - 6}: Expected at most 1`)
  })
})

describe('saved tokenizers', () => {
  let trained: Tokenizer
  beforeAll(async () => {
    trained = await trainBpe(['the cat sat on the mat, the cat is on the mat; naïve 漢字 🙂'.repeat(3)], {
      vocabSize: 300,
    })
  })

  it('load again from the folder to the same ids, specials and checksum', async () => {
    for (const [name, tokenizer] of [
      ['bytes', trained],
      ['pieces', load(modelBytes(PIECES, { removeSpaces: 1 }))],
    ] as const) {
      await tokenizer.save(path.join(folder, name))
      const again = loadTokenizer(path.join(folder, name))
      expect([again.vocabSize, again.bosId, again.eosId]).toEqual([
        tokenizer.vocabSize,
        tokenizer.bosId,
        tokenizer.eosId,
      ])
      expect(again.checksum()).toBe(tokenizer.checksum())
      fc.assert(
        fc.property(
          fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' ', '▁', 'é', '漢', '\n', '<s>', 'the') }),
          (sample) => {
            expect(again.encode(sample)).toEqual(tokenizer.encode(sample))
            expect(again.decode(again.encode(sample))).toBe(tokenizer.decode(tokenizer.encode(sample)))
          },
        ),
      )
    }
  })

  it('refuse to become a tokenizer.bin when the vocabulary is byte-level', () => {
    expect(() => trained.toTokenizerBin()).toThrow(TypeError)
  })

  it('are found by folder, and a folder without one says so', () => {
    expect(() => loadTokenizer(path.join(folder, 'missing'))).toThrow(FormatError)
    expect(() => loadTokenizer(tmpdir())).toThrow(/Expected one of tokenizer\.json/)
  })

  it('name the line and column of broken JSON', () => {
    const file = path.join(folder, 'tokenizer.json')
    writeFileSync(file, '{\n  "model": {,}\n}')
    expect(() => loadTokenizer(file)).toThrow(/tokenizer\.json:2:13: Expected JSON, got ","/)
  })

  it('decode ids that arrive one by one without breaking characters', () => {
    const ids = trained.encode('naïve 漢字 🙂!')
    const decoder = trained.decoder()
    const pieces = ids.map((id) => decoder.push(id))
    expect(pieces.join('')).toBe('naïve 漢字 🙂!')
    expect(pieces.join('')).not.toContain('\ufffd')
    decoder.push(trained.tokenToId('ð')!)
    expect(decoder.end()).toBe('\ufffd')
  })

  it('refuse ids beyond the vocabulary', () => {
    expect(() => trained.decode([trained.vocabSize])).toThrow(RangeError)
    expect(() => trained.decode([-1])).toThrow(RangeError)
  })
})

describe('malformed tokenizer files', () => {
  const mutate = (bytes: Uint8Array, edits: [number, number][], length: number) => {
    const copy = bytes.slice(0, Math.floor(length * bytes.length))
    for (const [at, value] of edits) if (copy.length) copy[Math.floor(at * copy.length)] = value
    return copy
  }
  const unit = fc.double({ min: 0, max: 0.9999, noNaN: true })
  const edits = fc.array(fc.tuple(unit, fc.integer({ min: 0, max: 255 })), { maxLength: 6 })
  const length = fc.oneof(fc.constant(1), unit)
  const expectOnlyFormatErrors = (bytes: Uint8Array, read: (bytes: Uint8Array) => Tokenizer) =>
    fc.assert(
      fc.property(edits, length, (changes, kept) => {
        try {
          read(mutate(bytes, changes, kept)).encode('abc ü')
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError)
        }
      }),
      { numRuns: 300 },
    )

  it('give a FormatError or load, whatever bytes change', async () => {
    const model = modelBytes(PIECES)
    expectOnlyFormatErrors(model, load)
    const file = path.join(folder, 'fuzz.bin')
    expectOnlyFormatErrors(load(model).toTokenizerBin(), (bytes) => {
      writeFileSync(file, bytes)
      return loadTokenizer(file)
    })
    const trained = await trainBpe(['the cat sat on the mat'], { vocabSize: 270 })
    const json = path.join(folder, 'fuzz.json')
    expectOnlyFormatErrors(Buffer.from(JSON.stringify(trained.toJSON())), (bytes) => {
      writeFileSync(json, bytes)
      return loadTokenizer(json)
    })
  })

  it('give a FormatError for JSON of any other shape', () => {
    fc.assert(
      fc.property(
        fc.object({ key: fc.constantFrom('model', 'vocab', 'merges', 'type', 'decoder', 'added_tokens', 'BPE') }),
        (value) => {
          expect(() => tokenizerFromJson(value)).toThrow(FormatError)
        },
      ),
    )
  })
})
