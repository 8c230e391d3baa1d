import { describe, it } from 'vitest'
import { hasShared } from '../../../test/shared/folder.js'
import { goldenOperations, operationCases } from '../../../test/shared/operation-goldens.js'
import { evaluate } from '../src/evaluate.js'

describe.skipIf(!hasShared)('operations against golden tensors (needs ../shared)', () => {
  it.each(goldenOperations)('evaluates %s within the stated tolerance', (op) => {
    for (const { program, inputs, check } of operationCases(op)) check(evaluate(program, inputs).out)
  })
})
