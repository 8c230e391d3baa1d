import { describe, expect, it } from 'vitest'
import { blobPaths } from '../src/blob-paths.js'
import { buildProgram } from '../src/builder.js'
import { evaluate } from '../src/evaluate.js'
import type { TensorType } from '../src/ir.js'
import { checkLimits } from '../src/limits/check.js'
import { chipFamilies } from '../src/limits/chips.js'
import { lower } from '../src/limits/lower.js'
import { surfaceColumns } from '../src/limits/repairs/widths.js'
import type { Tensor } from '../src/tensor.js'
import { verify } from '../src/verify.js'
import { build, inputsOf, randomTensor } from './lowering.js'

const errorsOf = (...args: Parameters<typeof verify>) => verify(...args).filter(({ severity }) => severity === 'error')

/** The tensor in the first columns of a wider one whose other columns hold `rest`. */
function widened({ dtype, shape, data }: Tensor, rest: number): Tensor {
  const width = shape.at(-1)!
  const columns = surfaceColumns(width)
  const rows = data.length / width
  const wide = new Float32Array(rows * columns).fill(rest)
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < width; col++) wide[row * columns + col] = Number(data[row * width + col])
  }
  return { dtype, shape: [...shape.slice(0, -1), columns], data: wide }
}

describe('widths that no chip takes', () => {
  it.each([1, 7, 31, 33, 172, 255, 257])('are padded on every chip: %i columns', (width) => {
    const original = buildProgram({ inline: true }, (b) => {
      const [x, gain] = [b.input('b', 'fp16', [1, 64, 1, width]), b.input('a', 'fp16', [1, 64, 1, 1])]
      const scaled = b.mul({ x, y: gain }, 'scaled')
      b.output(scaled)
      b.output(b.add({ x: scaled, y: x }), 'sum')
    }).program
    const given = inputsOf(original)
    const expected = evaluate(original, given)
    for (const chip of chipFamilies) {
      const lowered = lower(original, { chip, widths: 'pad' })
      expect(errorsOf(lowered.program, { blobs: lowered.blobs })).toEqual([])
      expect(checkLimits(lowered.program, { chip }).filter(({ severity }) => severity === 'error')).toEqual([])
      // What an input holds beside its columns does not matter.
      const wide = Object.entries(given).map(([name, x]) => [lowered.renamed[name] ?? name, widened(x, Number.NaN)])
      const actual = evaluate(lowered.program, Object.fromEntries(wide), { blobs: lowered.blobs })
      for (const [name, tensor] of Object.entries(expected)) {
        const result = actual[lowered.renamed[name] ?? name]
        expect(result.shape, name).toEqual([1, 64, 1, surfaceColumns(width)])
        expect(Float32Array.from(result.data as Float32Array), name).toEqual(widened(tensor, 0).data)
      }
    }
  })

  it('stay unless it is asked for, as do widths that fit', () => {
    const narrow = build((b) => b.output(b.relu({ x: b.input('a', 'fp16', [1, 64, 1, 33]) }), 'z'))
    const fitting = build((b) => b.output(b.relu({ x: b.input('a', 'fp16', [1, 64, 1, 96]) }), 'z'))
    const shapeOf = (lowered: ReturnType<typeof lower>) =>
      (lowered.program.functions[0].inputs[0].type as TensorType).shape
    expect(shapeOf(lower(narrow, { chip: 'm4' }))).toEqual([1, 64, 1, 33])
    expect(lower(fitting, { chip: 'm4', widths: 'pad' })).toEqual(lower(fitting, { chip: 'm4' }))
  })
})

describe('more weights than a program may have', () => {
  /** y = W · … W · x · gain with `count` kernels of 1×1 convolutions and a gain. */
  const chain = (count: number) =>
    buildProgram({}, (b) => {
      const gain = b.constant('fp16', [1, 64, 1, 1], randomTensor([64], 99, 1).data as Float32Array, 'gain')
      let x = b.input('a', 'fp16', [1, 64, 1, 32])
      for (let i = 0; i < count; i++) {
        const [out, inner] = i % 2 === 0 ? [80, 64] : [64, 80]
        const data = randomTensor([out, inner], i, 0.2).data as Float32Array
        const weight = b.constant('fp16', [out, inner, 1, 1], data, `kernel_${i}`)
        x = b.conv({ x, weight, pad_type: 'valid' }, `product_${i}`)
      }
      b.output(count % 2 === 0 ? b.mul({ x, y: gain }) : x, 'y')
    })

  it('are joined into one record where more were seen to fail', () => {
    const chip = 'm5'
    const { program, blobs } = chain(30)
    const lowered = lower(program, { chip, blobs })
    expect(lowered.applied.map(({ id }) => id)).toContain('join-weight-records')
    expect(blobPaths(lowered.program).length).toBeLessThanOrEqual(16)
    expect([...lowered.blobs.keys()].sort()).toEqual(blobPaths(lowered.program).sort())
    expect(errorsOf(lowered.program, { blobs: lowered.blobs })).toEqual([])
    expect(checkLimits(lowered.program, { chip }).filter(({ rule }) => rule === 'C-64')).toEqual([])
    const given = inputsOf(program)
    const expected = evaluate(program, given, { blobs }).y
    expect(evaluate(lowered.program, given, { blobs: lowered.blobs }).y.data).toEqual(expected.data)
    // Kernels that stayed are still convolutions.
    expect(lowered.program.functions[0].operations.filter(({ op }) => op === 'conv').length).toBeGreaterThan(8)
  })

  it('stay where they are if there are few enough, or if their files are not given', () => {
    const few = chain(11)
    expect(lower(few.program, { chip: 'm5', blobs: few.blobs }).blobs).toEqual(new Map(few.blobs))
    const unknown = lower(chain(30).program, { chip: 'm5' })
    expect(checkLimits(unknown.program, { chip: 'm5' }).some(({ rule }) => rule === 'C-64')).toBe(true)
  })

  it.each(chipFamilies.filter((chip) => chip !== 'm5'))('stay where they are on %s, with a note', (chip) => {
    const { program, blobs } = chain(30)
    const lowered = lower(program, { chip, blobs })
    expect(lowered.applied.map(({ id }) => id)).not.toContain('join-weight-records')
    const [told] = checkLimits(lowered.program, { chip }).filter(({ rule }) => rule === 'C-64')
    expect(told).toMatchObject({ severity: 'info', message: expect.stringContaining('Reported on M5 Max, not on') })
  })
})
