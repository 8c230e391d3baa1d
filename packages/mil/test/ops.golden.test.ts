import { describe, expect, it } from 'vitest'
import { hasShared } from '../../../test/shared/folder.js'
import { goldenOperations, operationCases } from '../../../test/shared/operation-goldens.js'
import { evaluate } from '../src/evaluate.js'

describe.skipIf(!hasShared)('operations against golden tensors (needs ../shared)', () => {
  it.each(goldenOperations)('evaluates %s within the stated tolerance', (op) => {
    for (const { program, inputs, expected, check } of operationCases(op)) {
      if (expected.shape.includes(0)) expect(() => evaluate(program, inputs)).toThrow('Expected at least one element')
      else check(evaluate(program, inputs).out)
    }
  })
})
