import { expect, it } from 'vitest'
import { chipOf } from './open.js'

it('knows the chip of a processor, and takes the newest known one for a later processor', () => {
  const names = ['Apple M1', 'Apple M2 Pro', 'Apple M3 Ultra', 'Apple M4 Max', 'Apple M6', '']
  expect(names.map(chipOf)).toEqual(['m1', 'm2-pro', 'm3-ultra', 'm4-max', 'm5', 'm5'])
})
