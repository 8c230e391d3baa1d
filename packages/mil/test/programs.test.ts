import { describe, expect, it } from 'vitest'
import {
  type CollectedProgram,
  expectedOf,
  expectOutputs,
  folderOf,
  inputsOf,
  needsLenientBlobs,
  runnablePrograms,
  textOf,
} from '../../../test/shared/collected-programs.js'
import { largestError, psnr } from '../../../test/shared/errors.js'
import { hasShared } from '../../../test/shared/folder.js'
import { evaluate } from '../src/evaluate.js'
import { parse } from '../src/parser.js'
import { isFloat } from '../src/tensor.js'

const outputsOf = (row: CollectedProgram, round: boolean) =>
  Object.entries(
    evaluate(parse(textOf(row), { path: row.dir }), inputsOf(row), {
      function: row.function,
      modelPath: folderOf(row),
      round,
      lenientBlobs: needsLenientBlobs(row),
    }),
  )

describe.skipIf(!hasShared)('collected programs (needs ../shared)', () => {
  it.each(runnablePrograms)('evaluates $dir like the reference', (row) => {
    expectOutputs(row, outputsOf(row, true))
  })

  it.each(runnablePrograms)('evaluates $dir exactly without rounding', (row) => {
    const expected = expectedOf(row)
    for (const [name, { dtype, data }] of outputsOf(row, false)) {
      if (!isFloat(dtype)) continue
      const exact = expected.get(`fp64.${name}`)!.data
      expect(psnr(data, exact), name).toBeGreaterThan(180)
      expect(largestError(data, exact), name).toBeLessThan(1e-6)
    }
  })
})
