import { parse } from '@ane/mil'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  collectedPrograms,
  expectOutputs,
  folderOf,
  inputsOf,
  needsLenientBlobs,
  runnablePrograms,
  textOf,
} from '../../../test/shared/collected-programs.js'
import { hasShared } from '../../../test/shared/folder.js'
import { mathModes } from '../../../test/shared/tolerances.js'
import { type AneError, type Device, loadBlobs, openDevice } from '../src/index.js'
import { runProgram } from './device-runs.js'

describe.skipIf(!hasShared)('collected programs on the CPU engine (needs ../shared)', () => {
  const devices = new Map<string, Device>()
  beforeAll(async () => {
    for (const math of mathModes) devices.set(math, await openDevice('cpu', { math }))
  })
  afterAll(() => {
    for (const device of devices.values()) device.dispose()
  })

  const runs = runnablePrograms.flatMap((row) => mathModes.map((math) => [row.dir, math, row] as const))
  it.each(runs)('runs %s in %s mode', async (_dir, math, row) => {
    const text = textOf(row)
    const device = devices.get(math)!
    const outputs = await runProgram(device, text, inputsOf(row), {
      function: row.function,
      blobs: await loadBlobs(parse(text), folderOf(row)),
      lenientBlobs: needsLenientBlobs(row),
    })
    expectOutputs(row, outputs, math)
  })

  it.each(collectedPrograms.filter((row) => row.expect === 'reject'))(
    'rejects $dir at the offending token',
    async (row) => {
      const error: AneError = await devices
        .get('exact')!
        .compile(textOf(row))
        .then(
          () => expect.unreachable('compiled'),
          (cause) => cause,
        )
      expect(error.code).toBe('ANE_COMPILE_FAILED')
      expect(error.message).toContain(`line ${row.line}, column ${row.column}:`)
    },
  )
})
