import { describe, expect, it } from 'vitest'
import { zeros } from './zeros.js'

describe('zeros', () => {
  it('gives every name an array of its size, in the order of the names', () => {
    const arrays = zeros(
      Float64Array,
      new Map([
        ['a', 3],
        ['none', 0],
        ['b', 17],
      ]),
    )
    expect([...arrays.keys()]).toEqual(['a', 'none', 'b'])
    expect(arrays.get('a')).toEqual(new Float64Array(3))
    expect(arrays.get('none')).toHaveLength(0)
    expect(arrays.get('b')).toEqual(new Float64Array(17))
  })

  it('puts small arrays into one buffer, apart from each other', () => {
    const sizes = new Map([
      ['a', 3],
      ['b', 17],
      ['c', 1],
    ])
    const arrays = [...zeros(Float32Array, sizes).values()]
    expect(new Set(arrays.map(({ buffer }) => buffer)).size).toBe(1)
    for (const [i, array] of arrays.entries()) array.fill(i + 1)
    expect(arrays.map((array) => [...new Set(array)])).toEqual([[1], [2], [3]])
    expect(arrays.map(({ byteOffset }) => byteOffset % 64)).toEqual([0, 0, 0])
  })

  it('gives arrays of more than a buffer is to hold one of their own', () => {
    const half = 2 ** 27 + 1
    const sizes = new Map([
      ['a', half],
      ['b', half],
    ])
    const arrays = zeros(Float32Array, sizes)
    expect(arrays.get('a')!.buffer === arrays.get('b')!.buffer).toBe(false)
    expect(arrays.get('b')).toHaveLength(half)
  })
})
