import { defaultTrainingOptions, trainingOptions } from '@ane/train'
import { describe, expect, it } from 'vitest'
import { benchOptions } from './bench-options.js'
import { estimateRows, probeRows, samplingRows, vocabSizeRow } from './command-options.js'
import { type OptionRow, readValue } from './table.js'
import { trainOptions } from './train-options.js'

const rows: readonly OptionRow[] = [
  ...trainOptions,
  ...Object.values(benchOptions).flat(),
  ...samplingRows,
  ...estimateRows,
  ...probeRows,
  vocabSizeRow,
]
const numbers = rows.flatMap((row) => (row.type === 'integer' || row.type === 'number' ? [row] : []))
const stepBelow = ({ type, least }: (typeof numbers)[number]) =>
  least === Number.MIN_VALUE ? 0 : least - (type === 'integer' ? 1 : 0.5)

describe('a numeric setting', () => {
  it('takes its smallest and largest number and nothing beyond them', () => {
    for (const row of numbers) {
      expect(readValue(row, String(row.least), '--flag'), row.name).toBe(row.least)
      if (row.most !== undefined) expect(readValue(row, row.most, '--flag'), row.name).toBe(row.most)
      for (const wrong of [String(stepBelow(row)), ...(row.most === undefined ? [] : [row.most + 1])])
        expect(() => readValue(row, wrong, '--flag'), `${row.name} ${wrong}`).toThrow(/^Expected a .* for --flag, got /)
    }
  })

  it('refuses what is no number, and fractions where it counts', () => {
    for (const row of numbers) {
      for (const wrong of ['x', '', ' ', 'NaN', 'Infinity', Number.NaN, Number.POSITIVE_INFINITY, true, null, [1]])
        expect(() => readValue(row, wrong, '--flag'), `${row.name} ${wrong}`).toThrow(/ for --flag, got /)
      if (row.type === 'integer') expect(() => readValue(row, '2.5', '--flag')).toThrow(/whole number .*"2\.5"/)
    }
  })

  it('of a run has the range that the training loop has', () => {
    const shared = numbers.filter(
      ({ name }) => trainOptions.some((row) => row.name === name) && name in defaultTrainingOptions,
    )
    expect(shared.length).toBeGreaterThan(15)
    for (const row of shared) {
      const unvalidated = row.name === 'evalFraction' ? { evalSteps: 0 } : {}
      const tried = (value: number) => trainingOptions({ ...unvalidated, [row.name]: value })
      expect(() => tried(row.least), row.name).not.toThrow()
      expect(() => tried(stepBelow(row)), row.name).toThrow(RangeError)
      if (row.most !== undefined) expect(() => tried(row.most! + 0.01), row.name).toThrow(RangeError)
    }
  })
})
