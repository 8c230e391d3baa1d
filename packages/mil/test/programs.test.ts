import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../src/evaluate.js'
import { parse } from '../src/parser.js'
import { isFloat, type Tensor } from '../src/tensor.js'
import { readSafetensors } from './safetensors.js'

const repoRoot = fileURLToPath(new URL('../../..', import.meta.url))
const folder = path.resolve(repoRoot, '../shared/mil')
const present = existsSync(folder)

interface Row {
  dir: string
  mil: string
  function: string
  expect: string
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

function rms(y: Tensor, r: Tensor): number {
  let total = 0
  for (let i = 0; i < r.data.length; i++) total += (Number(y.data[i]) - Number(r.data[i])) ** 2
  return Math.sqrt(total / r.data.length)
}

function psnr(y: Tensor, r: Tensor): number {
  let peak = 0
  for (const x of r.data) peak = Math.max(peak, Math.abs(Number(x)))
  return 20 * Math.log10(peak / rms(y, r))
}

/** A wrong element hardly moves the PSNR of a large tensor. */
function largestError(y: Tensor, r: Tensor): number {
  let worst = 0
  for (let i = 0; i < r.data.length; i++) worst = Math.max(worst, Math.abs(Number(y.data[i]) - Number(r.data[i])))
  return worst
}

function run(row: Row, round: boolean): { outputs: Record<string, Tensor>; expected: Map<string, Tensor> } {
  const dir = path.join(folder, row.dir)
  const program = parse(readFileSync(path.join(dir, row.mil), 'utf8'), { path: row.dir })
  const inputs = readSafetensors(path.join(dir, 'inputs.safetensors'))
  const lenientBlobs = row.dir.endsWith('asdumped')
  const outputs = evaluate(program, inputs, { function: row.function, modelPath: dir, round, lenientBlobs })
  return { outputs, expected: readSafetensors(path.join(dir, 'expected.safetensors')) }
}

describe.skipIf(!present)('collected programs (needs ../shared)', () => {
  for (const row of present ? index().filter(({ expect }) => expect === 'run') : []) {
    it(`evaluates ${row.dir} like the reference`, () => {
      const { outputs, expected } = run(row, true)
      for (const [name, y] of Object.entries(outputs)) {
        const exact = expected.get(name)!
        expect([name, y.dtype, y.shape]).toEqual([name, exact.dtype, exact.shape])
        if (!isFloat(y.dtype)) {
          expect(Array.from(y.data as Int32Array)).toEqual(Array.from(exact.data as Int32Array))
          continue
        }
        const r = expected.get(`fp64.${name}`)!
        expect(
          Array.from(y.data as Float32Array).every(
            (x, i) => Number.isFinite(x) || !Number.isFinite(Number(exact.data[i])),
          ),
        ).toBe(true)
        const within = rms(y, r) <= Number(row.max_ratio) * rms(exact, r)
        if (!within) expect(psnr(y, r), name).toBeGreaterThanOrEqual(Number(row.min_psnr))
      }
    })

    it(`evaluates ${row.dir} exactly without rounding`, () => {
      const { outputs, expected } = run(row, false)
      for (const [name, y] of Object.entries(outputs)) {
        if (!isFloat(y.dtype)) continue
        const r = expected.get(`fp64.${name}`)!
        expect(psnr(y, r), name).toBeGreaterThan(180)
        expect(largestError(y, r), name).toBeLessThan(1e-6)
      }
    })
  }
})
