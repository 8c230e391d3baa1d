import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  FormatError,
  isShards,
  loadTokenizer,
  openShards,
  readDocuments,
  type Tokenizer,
  trainBpe,
  writeShards,
} from './index.js'

const root = mkdtempSync(path.join(tmpdir(), 'ane-shards-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let next = 0
const fresh = () => path.join(root, String(next++))
const documents = Array.from({ length: 40 }, (_, i) => `story ${i} about a cat that sat on mat ${i * 7}`)
const collect = async (location: string, options = {}) => {
  const all: string[] = []
  for await (const text of readDocuments(location, options)) all.push(text)
  return all
}
const file = (name: string, content: string | Uint8Array) => {
  const location = path.join(root, name)
  mkdirSync(path.dirname(location), { recursive: true })
  writeFileSync(location, content)
  return location
}

let tokenizer: Tokenizer
beforeAll(async () => {
  tokenizer = await trainBpe(documents, { vocabSize: 290 })
})

describe('token shards', () => {
  const write = async (options = {}) => {
    const folder = fresh()
    await writeShards(tokenizer, documents, { folder, tokensPerShard: 100, ...options })
    return folder
  }
  const expected = () => documents.flatMap((text) => tokenizer.encode(text, { bos: true }))

  it('hold every document after BOS, read window by window across files', async () => {
    const folder = await write()
    const reader = openShards(folder)
    const all = expected()
    expect([reader.tokens, reader.vocabSize, reader.dtype]).toEqual([all.length, tokenizer.vocabSize, 'uint16'])
    expect(Array.from(reader.read(0, reader.tokens))).toEqual(all)
    fc.assert(
      fc.property(fc.nat(all.length), fc.nat(all.length), (a, b) => {
        const [start, end] = a < b ? [a, b] : [b, a]
        expect(Array.from(reader.read(start, end - start))).toEqual(all.slice(start, end))
      }),
      { numRuns: 30 },
    )
    reader.verify()
    expect(() => reader.read(all.length, 1)).toThrow(RangeError)
    reader.close()
  })

  it('keep the tokenizer beside them and its checksum inside', async () => {
    const folder = await write({ dtype: 'uint32', bos: false, eos: true })
    const reader = openShards(folder)
    expect(loadTokenizer(folder).checksum()).toBe(reader.tokenizerChecksum)
    expect(reader.read(reader.tokens - 1, 1)[0]).toBe(tokenizer.eosId)
    expect(reader.dtype).toBe('uint32')
    reader.close()
    expect([isShards(folder), isShards(path.join(folder, 'shard-00000.bin')), isShards(root)]).toEqual([
      true,
      true,
      false,
    ])
  })

  it('never overwrite, and leave nothing behind when writing fails', async () => {
    const folder = await write()
    await expect(writeShards(tokenizer, documents, { folder })).rejects.toThrow(RangeError)
    const failing = fresh()
    const broken = function* () {
      yield 'text'
      throw new Error('stop')
    }
    await expect(writeShards(tokenizer, broken(), { folder: failing })).rejects.toThrow('stop')
    await expect(writeShards(tokenizer, [], { folder: failing })).rejects.toThrow(RangeError)
    expect(existsSync(failing)).toBe(false)
  })

  it('name file and byte when they are truncated, padded, or list another count', async () => {
    const cut = await write()
    truncateSync(path.join(cut, 'shard-00001.bin'), 100)
    expect(() => openShards(cut)).toThrow(/shard-00001\.bin at byte 16/)
    const padded = await write()
    appendFileSync(path.join(padded, 'shard-00000.bin'), 'x')
    expect(() => openShards(padded)).toThrow(FormatError)
    const lying = await write()
    const manifest = path.join(lying, 'shards.json')
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"tokens": 100', '"tokens": 99'))
    expect(() => openShards(lying)).toThrow(/shards\.json/)
  })

  it('name file and byte of a token beyond the vocabulary, and notice changed tokens', async () => {
    const folder = await write()
    const shard = path.join(folder, 'shard-00001.bin')
    const bytes = readFileSync(shard)
    bytes.writeUInt16LE(tokenizer.vocabSize, 64 + 2 * 5)
    writeFileSync(shard, bytes)
    const reader = openShards(folder)
    expect(() => reader.read(100, 10)).toThrow(/shard-00001\.bin at byte 74: Expected a token below/)
    expect(() => reader.verify()).toThrow(/CRC-32/)
    reader.close()
  })

  it('read bare streams when asked', () => {
    const location = file('bare.bin', new Uint8Array(Uint16Array.of(1, 2, 511).buffer))
    const reader = openShards(location, { header: false, dtype: 'uint16', vocabSize: 512 })
    expect(Array.from(reader.read(0, 3))).toEqual([1, 2, 511])
    reader.close()
    expect(() => openShards(location)).toThrow(FormatError)
    expect(() => openShards(file('odd.bin', 'abc'), { header: false })).toThrow(/got 3 bytes/)
  })

  it('give a FormatError for headers of any bytes', async () => {
    const original = readFileSync(path.join(await write(), 'shard-00000.bin'))
    fc.assert(
      fc.property(fc.nat(63), fc.nat(255), fc.nat(original.length), (at, value, length) => {
        const bytes = Buffer.from(original.subarray(0, length))
        if (at < length) bytes[at] = value
        try {
          const reader = openShards(file('fuzz.bin', bytes))
          reader.close()
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError)
        }
      }),
    )
  })
})

describe('documents', () => {
  it('are separated by the end-of-text mark, else by blank lines, else not at all', async () => {
    expect(await collect(file('marks.txt', 'one\n\nmore\n<|endoftext|>\ntwo<|endoftext|>'))).toEqual([
      'one\n\nmore',
      'two',
    ])
    expect(await collect(file('blank.txt', 'one\nmore\r\n \r\ntwo\n\n\n\nthree\n'))).toEqual([
      'one\nmore',
      'two',
      'three',
    ])
    expect(await collect(file('plain.txt', 'one\ntwo\n'))).toEqual(['one\ntwo\n'])
    expect(await collect(file('own.txt', 'a--b--'), { separator: '--' })).toEqual(['a', 'b'])
  })

  it('survive the borders of the parts a file is read in', async () => {
    const texts = Array.from({ length: 3000 }, (_, i) => `${'é漢🙂 '.repeat(60)}${i}`)
    expect(await collect(file('large.txt', texts.join('\n\n')))).toEqual(texts)
    const line = `${'word '.repeat(500_000)}end`
    const parts = await collect(file('line.txt', line))
    expect(parts.length).toBeGreaterThan(1)
    expect(parts.join('')).toBe(line)
  })

  it('come from .jsonl and folders in the order of their paths', async () => {
    file('tree/b.jsonl', '{"text": "three"}\n\n{"text": "four", "id": 1}\n')
    file('tree/a/x.txt', '\ufeffone\n\ntwo')
    file('tree/ignored.png', 'x')
    expect(await collect(path.join(root, 'tree'))).toEqual(['one', 'two', 'three', 'four'])
  })

  it('name line and column of a bad row, the byte of bad UTF-8, and empty files', async () => {
    await expect(collect(file('bad.jsonl', '{"text": "a"}\n{"text": b}\n'))).rejects.toThrow(/bad\.jsonl:2:10/)
    await expect(collect(file('row.jsonl', '{"text": "a"}\n{"body": "b"}\n'))).rejects.toThrow(
      /row\.jsonl:2:1: Expected \{"text"/,
    )
    await expect(collect(file('latin.txt', Uint8Array.of(97, 98, 0xe9, 99)))).rejects.toThrow(/latin\.txt at byte 2/)
    await expect(collect(file('cut.txt', Uint8Array.of(97, 0xe6, 0xbc)))).rejects.toThrow(/cut\.txt at byte 1/)
    await expect(collect(file('empty.txt', ' \n'))).rejects.toThrow(FormatError)
    await expect(collect(path.join(root, 'nowhere'))).rejects.toThrow(FormatError)
  })
})
