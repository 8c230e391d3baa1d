import { expect, it } from 'vitest'
import { buildProgram } from '../builder.js'
import { OpError } from './row.js'

it('attention takes masks that broadcast to the scores, and no larger ones', () => {
  const masked = (shape: readonly number[]) =>
    buildProgram({}, (b) => {
      const query = b.input('query', 'fp16', [1, 2, 1, 8])
      const key = b.input('key', 'fp16', [1, 2, 4, 8])
      const attn_mask = b.input('mask', 'fp16', shape)
      b.output(b.op('scaled_dot_product_attention', { query, key, value: key, attn_mask }))
    })
  for (const shape of [[4], [1, 4], [2, 1, 1], [1, 2, 1, 4]]) expect(() => masked(shape)).not.toThrow()
  for (const shape of [
    [5, 4],
    [2, 2, 1, 4],
    [1, 1, 2, 1, 4],
  ])
    expect(() => masked(shape)).toThrow(OpError)
})
