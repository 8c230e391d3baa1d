import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildProgram } from '../builder.js'
import { linear, rmsNorm, silu } from '../compositions.js'
import { evaluate } from '../evaluate.js'
import { grad } from '../grad.js'
import type { Program, TensorType } from '../ir.js'
import { elementCount, type Tensor } from '../tensor.js'
import { verify } from '../verify.js'
import { bake } from './bake.js'
import { pack } from './pack.js'
import { packInputs, unpackOutputs } from './pack-layout.js'

function randomInputs(program: Program): Record<string, Tensor> {
  return Object.fromEntries(
    program.functions[0].inputs.map(({ name, type }, n) => {
      const shape = (type as TensorType).shape as number[]
      const data = Float32Array.from({ length: elementCount(shape) }, (_, i) => ((i * 37 + n * 11) % 128) / 64 - 1)
      return [name, { dtype: 'fp16', shape, data }]
    }),
  )
}

const weights = ['gain', 'up', 'down']

function block(C: number, F: number, S: number) {
  return buildProgram({}, (b) => {
    const x = b.input('x', 'fp16', [1, C, 1, S])
    const gain = b.input('gain', 'fp16', [1, C, 1, 1])
    const up = b.input('up', 'fp16', [1, F, 1, C])
    const down = b.input('down', 'fp16', [1, C, 1, F])
    const hidden = silu(b, linear(b, up, rmsNorm(b, x, gain, { eps: 1e-5 })), 'hidden')
    b.output(b.add({ x, y: linear(b, down, hidden) }), 'y')
    b.output(hidden)
  })
}

function checkPacked(program: Program, align?: number, maxColumns?: number) {
  const inputs = randomInputs(program)
  const own = weights.filter((name) => inputs[name])
  const { program: packed, layout } = pack(program, { weights: own, outputs: 'concat', align, maxColumns })
  expect(verify(packed).filter(({ severity }) => severity === 'error')).toEqual([])
  expect(packed.functions[0].inputs).toHaveLength(1)
  expect(packed.functions[0].outputs).toHaveLength(1)
  const result = evaluate(packed, { [layout.input.name]: packInputs(layout, inputs) })
  expect(unpackOutputs(layout, result[layout.output.name])).toEqual(evaluate(program, inputs))
  return layout
}

describe('pack', () => {
  it('computes the same bits from one surface', () => {
    const size = fc.integer({ min: 1, max: 20 })
    fc.assert(
      fc.property(size, size, size, fc.constantFrom(1, 8, 32), fc.option(size), (C, F, S, align, maxColumns) => {
        checkPacked(block(C, F, S).program, align, maxColumns ?? undefined)
      }),
      { numRuns: 80 },
    )
  })

  it('packs forward and backward programs', () => {
    const { program, detached } = block(8, 20, 6)
    const { forward, backward } = grad(program, { wrt: ['x'], weights, taps: ['linear'], detached })
    checkPacked(forward)
    checkPacked(backward, 4)
  })

  it('stores a weight transposed when that fills the surface, and starts pieces at multiples of align', () => {
    const layout = checkPacked(block(16, 64, 32).program, 32)
    expect(layout.inputs.up.transposed).toBe(true)
    expect(layout.inputs.x).toMatchObject({ rows: 16, cols: 32, transposed: false })
    const columns = Object.values(layout.inputs).flatMap(({ pieces }) => pieces.map(({ column }) => column))
    expect(columns.every((column) => column % 32 === 0)).toBe(true)
    expect(layout.input.columns % 32).toBe(0)
  })

  it('prefers whole inputs to a surface a little smaller', () => {
    const { layout } = pack(block(768, 2048, 256).program, { weights, align: 32 })
    expect(layout.input.channels).toBe(768)
    expect(Object.values(layout.inputs).map(({ pieces }) => pieces.length)).toEqual([1, 1, 1, 1])
  })

  it('folds inputs with more rows than the surface', () => {
    const { program } = buildProgram({}, (b) => {
      const x = b.input('x', 'fp16', [1, 64, 1, 2])
      const other = b.input('other', 'fp16', [1, 4, 1, 40])
      b.output(
        b.concat({ values: [x, b.sliceBySize({ x: other, begin: [0, 0, 0, 0], size: [1, 4, 1, 2] })], axis: 1 }),
        'y',
      )
    })
    const layout = checkPacked(program)
    expect(layout.inputs.x.pieces.length).toBeGreaterThan(1)
    expect(layout.input.channels * layout.input.columns).toBeLessThanOrEqual(64 * 2 + 4 * 40)
  })

  it('puts what does not fit beside the rest into further bands of channels', () => {
    const { program } = block(8, 20, 6)
    const single = checkPacked(program, 4)
    for (const maxColumns of [12, 20, single.input.columns]) {
      const layout = checkPacked(program, 4, maxColumns)
      expect(layout.input.columns).toBeLessThanOrEqual(maxColumns)
      const bands = new Set(Object.values(layout.inputs).flatMap(({ pieces }) => pieces.map(({ channel }) => channel)))
      expect(bands.size > 1).toBe(maxColumns < single.input.columns)
    }
  })

  it('refuses outputs of different widths and inputs of different types', () => {
    const widths = buildProgram({}, (b) => {
      const x = b.input('x', 'fp16', [1, 4, 1, 8])
      b.output(b.exp({ x }), 'y')
      b.output(b.reduceSum({ x, axes: [3], keep_dims: true }), 'z')
    })
    expect(() => pack(widths.program, { weights: [] })).toThrow('Expected 8 columns (those of y) for z, got 1.')
    const types = buildProgram({}, (b) => {
      b.output(b.exp({ x: b.input('x', 'fp16', [1, 4, 1, 8]) }), 'y')
      b.input('t', 'int32', [1, 1, 1, 8])
    })
    expect(() => pack(types.program, { weights: [] })).toThrow('Expected fp16 (the type of x) for t, got int32.')
  })

  it('refuses an alignment that is no number of columns', () => {
    const { program } = block(8, 20, 6)
    for (const align of [0, -1, 1.5, Number.NaN]) expect(() => pack(program, { weights, align })).toThrow(/for align/)
  })
})

describe('bake', () => {
  const { program, detached } = block(8, 20, 6)

  it('turns weights into files and their products into convolutions with the same results', () => {
    const { backward } = grad(program, { wrt: ['x'], weights, taps: [], detached })
    for (const each of [program, backward]) {
      const inputs = randomInputs(each)
      const own = weights.filter((name) => inputs[name])
      const data = Object.fromEntries(own.map((name) => [name, inputs[name].data as Float32Array]))
      const { program: baked, blobs } = bake(each, data, { dtype: 'fp16' })
      expect(verify(baked).filter(({ severity }) => severity === 'error')).toEqual([])
      expect(baked.functions[0].operations.some(({ op }) => op === 'matmul')).toBe(false)
      const rest = Object.fromEntries(Object.entries(inputs).filter(([name]) => !own.includes(name)))
      expect(evaluate(baked, rest, { blobs })).toEqual(evaluate(each, inputs))
    }
  })

  it('writes only the files the program reads', () => {
    const data = randomInputs(program)
    const floats = Object.fromEntries(weights.map((name) => [name, data[name].data as Float32Array]))
    const { blobs } = bake(program, floats, { dtype: 'fp16' })
    expect([...blobs.keys()]).toEqual([
      '@model_path/weights/gain.bin',
      '@model_path/weights/up_kernel.bin',
      '@model_path/weights/down_kernel.bin',
    ])
  })

  it('keeps a kernel apart from a weight that has its name', () => {
    const { program: both } = buildProgram({}, (b) => {
      const x = b.input('x', 'fp16', [1, 4, 1, 3])
      const y = linear(b, b.input('a', 'fp16', [1, 4, 1, 4]), x)
      b.output(b.mul({ x: y, y: b.input('a_kernel', 'fp16', [1, 4, 1, 3]) }), 'y')
    })
    const { x, ...own } = randomInputs(both)
    const data = Object.fromEntries(Object.entries(own).map(([name, tensor]) => [name, tensor.data as Float32Array]))
    const { program: baked, blobs } = bake(both, data, { dtype: 'fp16' })
    expect(blobs.size).toBe(2)
    expect(evaluate(baked, { x }, { blobs })).toEqual(evaluate(both, { x, ...own }))
  })

  it('refuses weights of another size or type', () => {
    expect(() => bake(program, { up: new Float32Array(3) }, { dtype: 'fp16' })).toThrow(
      'Expected 160 elements for up, got 3.',
    )
    expect(() => bake(program, { up: new Float32Array(160) }, { dtype: 'fp32' })).toThrow('Expected fp16')
    expect(() => bake(program, { other: new Float32Array(1) }, { dtype: 'fp16' })).toThrow('got other')
  })
})
