import { describe, expect, it } from 'vitest'
import { CharacterMap } from './character-map.js'
import { FormatError } from './index.js'

/** A trie of 256 units that maps "A" to "a" and "AB" to "x", laid out by hand. */
function mapBytes(): Uint8Array {
  const units = new Uint32Array(256)
  const LEAF = 1 << 8
  units[0] = 1 << 10 // children of the root at 1 ^ label
  units[1 ^ 0x41] = 0x41 | LEAF | (3 << 10) // "A": its value at 0x40 ^ 3, its children at 0x43 ^ label
  units[0x43] = 0x80000000
  units[0x43 ^ 0x42] = 0x42 | LEAF | (5 << 10) // "AB": its value at 0x01 ^ 5
  units[0x04] = 0x80000002
  const bytes = new Uint8Array(4 + 1024 + 4)
  new DataView(bytes.buffer).setUint32(0, 1024, true)
  bytes.set(new Uint8Array(units.buffer), 4)
  bytes.set(Buffer.from('a\0x\0'), 4 + 1024)
  return bytes
}

describe('the normalization map of a SentencePiece model', () => {
  it('replaces the longest mapped prefix and keeps everything else', () => {
    const map = new CharacterMap(mapBytes())
    expect(map.apply('BAé')).toBe('Baé')
    expect(map.apply('ABAA漢')).toBe('xaa漢')
    expect(map.apply('')).toBe('')
  })

  it('refuses sizes that do not fit', () => {
    expect(() => new CharacterMap(mapBytes().subarray(0, 900), 'm')).toThrow(FormatError)
    expect(() => new CharacterMap(new Uint8Array(3))).toThrow(FormatError)
  })
})
