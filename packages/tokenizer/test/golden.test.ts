import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { hasShared, sharedJson, sharedPath } from '../../../test/shared/folder.js'
import { loadTokenizer, type Tokenizer, tokenizerFromJson } from '../src/index.js'

const data = sharedPath('data')
const folder = mkdtempSync(path.join(tmpdir(), 'ane-tokenizer-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface EncodeRow {
  text: string
  ids: number[]
  decoded: string
}
interface DecodeRow {
  ids: number[]
  decoded: string
  bytes_hex?: string
}

const sets = [
  { name: 'llama2', file: 'llama2/tokenizer.model' },
  { name: 'tok4096', file: 'tok4096/tok4096.model' },
  { name: 'tok512_llama2c', file: 'stories260K/tok512.bin', bos: true },
  { name: 'gpt2', file: 'gpt2' },
  { name: 'qwen3', file: 'qwen3/tokenizer.json' },
]

function expectRows(tokenizer: Tokenizer, rows: EncodeRow[], bos = false) {
  for (const { text, ids } of rows) expect(tokenizer.encode(text, { bos }), JSON.stringify(text)).toEqual(ids)
}

describe.skipIf(!hasShared)('tokenizer goldens (needs ../shared)', () => {
  describe.each(sets)('$name', ({ name, file, bos }) => {
    const load = () => loadTokenizer(path.join(data, file))
    const golden = () =>
      sharedJson('golden', 'tokenizer', `${name}.json`) as {
        vocab_size: number
        encode: EncodeRow[]
        decode?: DecodeRow[]
      }

    it('encodes every text to the golden ids', () => {
      const tokenizer = load()
      expect(tokenizer.vocabSize).toBe(golden().vocab_size)
      expectRows(tokenizer, golden().encode, bos)
    })

    it('decodes every golden row, at once and id by id', () => {
      const tokenizer = load()
      for (const { ids, decoded } of [...golden().encode, ...(golden().decode ?? [])]) {
        expect(tokenizer.decode(ids), JSON.stringify(ids)).toBe(decoded)
        const decoder = tokenizer.decoder()
        expect(ids.map((id) => decoder.push(id)).join('') + decoder.end()).toBe(decoded)
      }
      for (const { ids, bytes_hex } of golden().decode ?? []) {
        if (bytes_hex !== undefined) expect(Buffer.from(tokenizer.decodeBytes(ids)).toString('hex')).toBe(bytes_hex)
      }
    })

    it('gives the same ids after being saved as tokenizer.json and loaded again', async () => {
      const tokenizer = load()
      await tokenizer.save(path.join(folder, name))
      const again = loadTokenizer(path.join(folder, name))
      expect([again.vocabSize, again.bosId, again.eosId]).toEqual([
        tokenizer.vocabSize,
        tokenizer.bosId,
        tokenizer.eosId,
      ])
      expect(again.checksum()).toBe(tokenizer.checksum())
      expectRows(again, golden().encode, bos)
      for (const { ids, decoded } of golden().encode) expect(again.decode(ids)).toBe(decoded)
    })
  })

  it('encodes the reference text of GPT-2 and Llama', () => {
    const gpt2 = sharedJson('data', 'tokenizer_refs', 'hf_gpt2_encoded_tokens.json')
    const tokenizer = loadTokenizer(path.join(data, 'gpt2'))
    const ids = tokenizer.encode(gpt2.text)
    expect(ids).toEqual(gpt2.token_ids)
    expect(ids.map((id) => tokenizer.idToToken(id))).toEqual(gpt2.bpe_tokens)
    expect(tokenizer.decode(ids)).toBe(gpt2.decoded_text)
    const llama = sharedJson('data', 'tokenizer_refs', 'hf_llama_encoded.json')
    const model = loadTokenizer(path.join(data, 'llama2/tokenizer.model'))
    expect(model.encode(llama.text, { bos: true })).toEqual(llama.token_ids)
  })

  it('renders the prompts of the Qwen3 chat template to the golden ids', () => {
    const tokenizer = loadTokenizer(path.join(data, 'qwen3'))
    for (const { text, ids } of sharedJson('golden', 'tokenizer', 'qwen3_chat_template.json').cases) {
      expect(tokenizer.encode(text)).toEqual(ids)
    }
  })

  it.each(['llama2/tokenizer.model', 'tok4096/tok4096.model'])(
    'writes %s as the tokenizer.bin llama2.c exports',
    (file) => {
      const expected = readFileSync(path.join(data, file.replace('.model', '.bin')))
      const tokenizer = loadTokenizer(path.join(data, file))
      expect(Buffer.from(tokenizer.toTokenizerBin()).equals(expected)).toBe(true)
    },
  )

  it('gives the same ids from a tokenizer.bin written out of a tokenizer.json', () => {
    const model = loadTokenizer(path.join(data, 'llama2/tokenizer.model'))
    const file = path.join(folder, 'tokenizer.bin')
    writeFileSync(file, tokenizerFromJson(model.toJSON()).toTokenizerBin())
    const written = loadTokenizer(file)
    const rows = sharedJson('golden', 'tokenizer', 'llama2.json').encode.filter(
      ({ text }: EncodeRow) => !/[\u2581\0]/.test(text),
    )
    expectRows(written, rows)
  })

  it('encodes whole books to the same ids through every spelling of a vocabulary', () => {
    const text = readFileSync(path.join(data, 'text/wizard_of_oz.txt'), 'utf8')
    const model = loadTokenizer(path.join(data, 'llama2/tokenizer.model'))
    const ids = model.encode(text)
    expect(loadTokenizer(path.join(data, 'llama2/tokenizer.bin')).encode(text)).toEqual(ids)
    expect(tokenizerFromJson(model.toJSON()).encode(text)).toEqual(ids)
    expect(model.decode(ids)).toBe(text)
  })
})
