import { expect, it } from 'vitest'
import { macTarget, thisMac } from './this-mac.js'

it('knows the chip of a processor, and takes the newest known one for a later processor', () => {
  const names = ['Apple M1', 'Apple M2 Pro', 'Apple M3 Ultra', 'Apple M4 Max', 'Apple M6', '']
  const found = names.map((name) => macTarget(name, '26.4').chip)
  expect(found).toEqual(['m1', 'm2-pro', 'm3-ultra', 'm4-max', 'm5', 'm5'])
})

it('takes a processor it does not know for a chip that its system runs on', () => {
  const systems = ['26.1', '15.7.4', '14', '12.6', '11.2', '10.15']
  expect(systems.map((os) => macTarget('VirtualApple', os).chip)).toEqual(['m5', 'm4', 'm3', 'm2', 'm1', 'm1'])
})

it('keeps the version of the system, and takes that of the reports where there is none', () => {
  expect(macTarget('Apple M4', '15.7.4')).toEqual({ chip: 'm4', os: '15.7.4' })
  expect(macTarget('Apple M4', undefined)).toEqual({ chip: 'm4', os: '26.2' })
})

it.skipIf(process.platform === 'darwin')('is the newest chip in the place of a machine that is no Mac', () => {
  expect(thisMac()).toEqual({ chip: 'm5', os: '26.3' })
})
