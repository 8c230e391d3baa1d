import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readGolden } from '../../../test/shared/safetensors.js'
import { blobPaths, relativeBlobPath } from '../src/blob-paths.js'
import { evaluate } from '../src/evaluate.js'
import type { Program } from '../src/ir.js'
import { checkLimits } from '../src/limits/check.js'
import { chipFamilies } from '../src/limits/chips.js'
import { lower } from '../src/limits/lower.js'
import { parse } from '../src/parser.js'
import { print } from '../src/printer.js'
import { isFloat } from '../src/tensor.js'
import { verify } from '../src/verify.js'

const repoRoot = fileURLToPath(new URL('../../..', import.meta.url))
const folder = path.resolve(repoRoot, '../shared/mil')
const present = existsSync(folder)

/** Folder and function of every program that runs. */
function rows(): [string, string][] {
  const [head, ...lines] = readFileSync(path.join(folder, 'INDEX.tsv'), 'utf8').trimEnd().split('\n')
  const columns = head.split('\t')
  const cell = (line: string, name: string) => line.split('\t')[columns.indexOf(name)]
  return lines
    .filter((line) => cell(line, 'expect') === 'run')
    .map((line) => [cell(line, 'dir'), cell(line, 'function')])
}

function load(dir: string): { program: Program; blobs: Map<string, Uint8Array> } {
  const program = parse(readFileSync(path.join(folder, dir, 'model.mil'), 'utf8'), { path: dir })
  const read = (name: string) => new Uint8Array(readFileSync(path.join(folder, dir, relativeBlobPath(name))))
  return { program, blobs: new Map(blobPaths(program).map((name) => [name, read(name)])) }
}

/** Kernels that trained or ran on a Neural Engine. */
const ran = /^(dynamic|static|orion|w8a8)\//

describe.skipIf(!present)('limits of the collected programs (needs ../shared)', () => {
  for (const [dir, name] of present ? rows() : []) {
    it(`can be told of ${dir} for every chip, and it still computes the same once lowered`, () => {
      const { program, blobs } = load(dir)
      const lenient = dir.endsWith('asdumped')
      const inputs = readGolden(path.join(folder, dir, 'inputs.safetensors'))
      const expected = readGolden(path.join(folder, dir, 'expected.safetensors'))
      for (const chip of chipFamilies) {
        for (const { message, rule } of checkLimits(program, { chip }))
          expect(message, rule).toMatch(/^Expected .*, got /)
        // Damaged weight records are left where they are.
        const lowered = lower(program, { chip, ...(!lenient && { blobs }) })
        const left = checkLimits(lowered.program, { chip }).filter(
          ({ repairable, severity, rule }) => repairable && severity === 'error' && !(lenient && rule === 'C-92'),
        )
        expect(left.map(({ rule, message }) => `${rule} ${message}`)).toEqual([])
        const files = lenient ? blobs : lowered.blobs
        const wrong = verify(lowered.program, { blobs: files, lenientBlobs: lenient }).filter(
          ({ severity }) => severity === 'error',
        )
        expect(wrong).toEqual([])
        expect(() => parse(print(lowered.program))).not.toThrow()
        if (chip !== 'm1' && chip !== 'm5') continue
        const renamed = new Map([...inputs].map(([input, tensor]) => [lowered.renamed[input] ?? input, tensor]))
        const options = { function: name, blobs: files, lenientBlobs: lenient }
        const outputs = evaluate(lowered.program, renamed, options)
        for (const value of program.functions.find((func) => func.name === name)!.outputs) {
          const own = outputs[lowered.renamed[value.name] ?? value.name]
          const reference = expected.get(`fp64.${value.name}`) ?? expected.get(value.name)!
          if (!own || !isFloat(own.dtype)) continue
          const exact = expected.get(value.name)!
          const error = (x: ArrayLike<unknown>) =>
            Math.sqrt(
              Array.from(x, (y, i) => (Number(y) - Number(reference.data[i])) ** 2).reduce((a, b) => a + b, 0) /
                x.length,
            )
          const peak = Math.max(...Array.from(reference.data as Float64Array, Math.abs))
          expect(error(own.data), `${chip} ${value.name}`).toBeLessThanOrEqual(3 * error(exact.data) + 2e-4 * peak)
        }
      }
    })

    if (!ran.test(dir)) continue
    it(`finds in ${dir}, which ran, no error on M4 but the small test size`, () => {
      const errors = checkLimits(load(dir).program, { chip: 'm4' }).filter(({ severity }) => severity === 'error')
      expect([...new Set(errors.map(({ rule }) => rule))].filter((rule) => rule !== 'C-54')).toEqual([])
    })
  }
})
