import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { isFloat, parse } from '@ane/mil'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readSafetensors } from '../../mil/test/safetensors.js'
import { type AneError, type Device, loadBlobs, openDevice } from '../src/index.js'
import { isFiniteWhereExpected, largestError, psnr, rmsError, runProgram } from './device-runs.js'

const repoRoot = fileURLToPath(new URL('../../..', import.meta.url))
const folder = path.resolve(repoRoot, '../shared/mil')
const present = existsSync(folder)

interface Row {
  dir: string
  mil: string
  function: string
  expect: string
  line: string
  column: string
  min_psnr: string
  max_ratio: string
}

function index(): Row[] {
  const [head, ...lines] = readFileSync(path.join(folder, 'INDEX.tsv'), 'utf8').trimEnd().split('\n')
  const columns = head.split('\t')
  return lines.map(
    (line) => Object.fromEntries(line.split('\t').map((cell, i) => [columns[i], cell])) as unknown as Row,
  )
}

const rows = present ? index() : []

describe.skipIf(!present)('collected programs on the CPU engine (needs ../shared)', () => {
  const devices = new Map<string, Device>()
  beforeAll(async () => {
    for (const math of ['exact', 'fast'] as const) devices.set(math, await openDevice('cpu', { math }))
  })
  afterAll(() => {
    for (const device of devices.values()) device.dispose()
  })

  const runs = rows
    .filter((row) => row.expect === 'run')
    .flatMap((row) => [[row, 'exact'] as const, [row, 'fast'] as const])
  it.each(runs.map(([row, math]) => [row.dir, math, row] as const))('runs %s in %s mode', async (_dir, math, row) => {
    const dir = path.join(folder, row.dir)
    const text = readFileSync(path.join(dir, row.mil), 'utf8')
    const outputs = await runProgram(devices.get(math)!, text, readSafetensors(path.join(dir, 'inputs.safetensors')), {
      function: row.function,
      blobs: await loadBlobs(parse(text), dir),
      lenientBlobs: row.dir.endsWith('asdumped'),
    })
    const expected = readSafetensors(path.join(dir, 'expected.safetensors'))
    for (const [name, y] of outputs) {
      const exact = expected.get(name)!
      expect([name, y.dtype, y.shape]).toEqual([name, exact.dtype, exact.shape])
      if (!isFloat(y.dtype)) {
        expect(y.data).toEqual(exact.data)
        continue
      }
      expect(isFiniteWhereExpected(y, exact), name).toBe(true)
      const r = expected.get(`fp64.${name}`)!
      const within = rmsError(y, r) <= Number(row.max_ratio) * rmsError(exact, r)
      if (!within) expect(psnr(y, r), name).toBeGreaterThanOrEqual(Number(row.min_psnr))
      // One wrong element hardly moves the sums above.
      else expect(largestError(y, r), name).toBeLessThanOrEqual(3 * largestError(exact, r) + 1e-6)
    }
  })

  it.each(rows.filter((row) => row.expect === 'reject').map((row) => [row.dir, row] as const))(
    'rejects %s at the offending token',
    async (_dir, row) => {
      const text = readFileSync(path.join(folder, row.dir, row.mil), 'utf8')
      const error: AneError = await devices
        .get('exact')!
        .compile(text)
        .then(
          () => expect.unreachable('compiled'),
          (cause) => cause,
        )
      expect(error.code).toBe('ANE_COMPILE_FAILED')
      expect(error.message).toContain(`line ${row.line}, column ${row.column}:`)
    },
  )
})
