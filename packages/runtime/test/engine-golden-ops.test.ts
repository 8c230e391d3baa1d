import { print } from '@ane/mil'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { hasShared } from '../../../test/shared/folder.js'
import { goldenOperations, operationCases } from '../../../test/shared/operation-goldens.js'
import { mathModes } from '../../../test/shared/tolerances.js'
import { type Device, openDevice } from '../src/index.js'
import { runProgram } from './device-runs.js'

describe.skipIf(!hasShared).each(mathModes)(
  'operations on the CPU engine in %s against golden tensors (needs ../shared)',
  (math) => {
    let device: Device
    beforeAll(async () => {
      device = await openDevice('cpu', { math })
    })
    afterAll(() => device.dispose())

    it.each(goldenOperations)('computes %s within the tolerance of that mode', async (op) => {
      for (const { program, inputs, expected, check } of operationCases(op)) {
        if (expected.shape.includes(0)) continue // no surface is empty
        check((await runProgram(device, print(program), inputs)).get('out')!, math)
      }
    })
  },
)
