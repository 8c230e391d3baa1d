import { describe, expect, it } from 'vitest'
import { tokensInMemory, usedTokens } from './token-source.js'

describe('the tokens a source uses', () => {
  it('are its distinct ids in ascending order', () => {
    expect(usedTokens(tokensInMemory([7, 0, 7, 3, 0, 99], 100))).toEqual(Int32Array.of(0, 3, 7, 99))
    expect(usedTokens(tokensInMemory([], 5))).toEqual(new Int32Array(0))
  })

  it('are found wherever they stand in a long source', () => {
    const tokens = new Int32Array(200_001).fill(4)
    tokens[65_535] = 1
    tokens[65_536] = 2
    tokens[200_000] = 9
    expect(usedTokens(tokensInMemory(tokens, 10))).toEqual(Int32Array.of(1, 2, 4, 9))
  })
})
