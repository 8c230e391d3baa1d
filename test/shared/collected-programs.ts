/** The programs below `../shared/mil` with what running them has to give. */
import { readFileSync } from 'node:fs'
import { isFloat, type Tensor } from '@ane/mil'
import { expect } from 'vitest'
import { largestError, psnr, rmsError } from './errors.js'
import { hasShared, sharedPath } from './folder.js'
import { readGolden } from './safetensors.js'
import { LARGEST_PER_RMS, lostDecibels, type MathMode } from './tolerances.js'

/** A line of `INDEX.tsv`; numbers as text. */
export interface CollectedProgram {
  readonly dir: string
  readonly mil: string
  readonly function: string
  readonly expect: string
  readonly line: string
  readonly column: string
  readonly min_psnr: string
  readonly max_ratio: string
}

function readIndex(): CollectedProgram[] {
  const [head, ...lines] = readFileSync(sharedPath('mil', 'INDEX.tsv'), 'utf8').trimEnd().split('\n')
  const columns = head.split('\t')
  const row = (line: string) => Object.fromEntries(line.split('\t').map((cell, i) => [columns[i], cell]))
  return lines.map((line) => row(line) as unknown as CollectedProgram)
}

/** All of them; none where the folder is absent. */
export const collectedPrograms: readonly CollectedProgram[] = hasShared ? readIndex() : []

/** Those that run, with inputs and expected outputs. */
export const runnablePrograms = collectedPrograms.filter((row) => row.expect === 'run')

/** The folder of a program, which its weight files are relative to. */
export const folderOf = ({ dir }: CollectedProgram): string => sharedPath('mil', dir)

/** The text of a program. */
export const textOf = ({ dir, mil }: CollectedProgram): string => readFileSync(sharedPath('mil', dir, mil), 'utf8')

/** The inputs to run a program on. */
export const inputsOf = ({ dir }: CollectedProgram) => readGolden(sharedPath('mil', dir, 'inputs.safetensors'))

/** Outputs by name, rounded as the program says; under `fp64.<name>` without any rounding. */
export const expectedOf = ({ dir }: CollectedProgram) => readGolden(sharedPath('mil', dir, 'expected.safetensors'))

/** Programs dumped with weight records that lie about themselves. */
export const needsLenientBlobs = ({ dir }: CollectedProgram): boolean => dir.endsWith('_asdumped')

/**
 * Expects outputs with the types, shapes and integers of the golden ones and floating-point numbers within tolerance.
 *
 * @param math the mode the program ran in
 */
export function expectOutputs(
  row: CollectedProgram,
  outputs: Iterable<readonly [string, Tensor]>,
  math: MathMode = 'exact',
): void {
  const expected = expectedOf(row)
  const least = Number(row.min_psnr) - lostDecibels[math]
  for (const [name, { dtype, shape, data }] of outputs) {
    const rounded = expected.get(name)!
    expect([name, dtype, shape]).toEqual([name, rounded.dtype, rounded.shape])
    if (!isFloat(dtype)) {
      expect(data, name).toEqual(rounded.data)
      continue
    }
    const unexpected = Array.from(data, Number).findIndex(
      (x, i) => !Number.isFinite(x) && Number.isFinite(Number(rounded.data[i])),
    )
    expect(unexpected, `${name}: first element that is not finite`).toBe(-1)
    const exact = expected.get(`fp64.${name}`)!.data
    if (rmsError(data, exact) > Number(row.max_ratio) * rmsError(rounded.data, exact)) {
      expect(psnr(data, exact), name).toBeGreaterThanOrEqual(least)
      // One wrong element hardly moves the sums above.
      const rms = largestError(exact, new Float64Array(exact.length)) * 10 ** (-least / 20)
      expect(largestError(data, exact), name).toBeLessThanOrEqual(LARGEST_PER_RMS * rms)
    } else {
      expect(largestError(data, exact), name).toBeLessThanOrEqual(3 * largestError(rounded.data, exact) + 1e-6)
    }
  }
}
