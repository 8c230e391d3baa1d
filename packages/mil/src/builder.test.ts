import { describe, expect, it } from 'vitest'
import { readBlob } from './blob-reader.js'
import { buildProgram, methodOperations } from './builder.js'
import { evaluate } from './evaluate.js'
import { OpError } from './ops/row.js'
import { opNames } from './ops/table.js'
import { parse } from './parser.js'
import { print } from './printer.js'
import { verify } from './verify.js'

describe('buildProgram', () => {
  it('writes programs that print, parse and verify', () => {
    const { program } = buildProgram({}, (b) => {
      const x = b.input('x', 'fp16', [1, 8, 1, 32])
      const total = b.reduceSum({ x: b.mul({ x, y: x }), axes: [1], keep_dims: true }, 'total')
      b.output(b.realDiv({ x, y: b.sqrt({ x: total }) }), 'y')
    })
    const text = print(program)
    expect(print(parse(text))).toBe(text)
    expect(verify(program).filter(({ severity }) => severity === 'error')).toEqual([])
  })

  it('has typed methods for operations of the table only', () => {
    expect(opNames()).toEqual(expect.arrayContaining([...methodOperations]))
  })

  it('names constants after what they are and makes each once', () => {
    const { program } = buildProgram({}, (b) => {
      const x = b.input('x', 'fp16', [1, 4, 1, 8])
      const first = b.reduceSum({ x, axes: [1], keep_dims: true })
      const second = b.reduceMax({ x, axes: [1], keep_dims: true })
      b.output(b.mul({ x: b.add({ x: first, y: second }), y: -0.5 }), 'y')
    })
    const names = program.functions[0].operations
      .filter(({ op }) => op === 'const')
      .map(({ results }) => results[0].name)
    expect(names).toEqual(['c_axes_1', 'c_keep_dims_true', 'c_y_m0p5'])
  })

  it('gives results unique names', () => {
    const { program } = buildProgram({}, (b) => {
      const x = b.input('x', 'fp16', [4])
      b.output(b.exp({ x: b.exp({ x: b.exp({ x }, 'x') }, 'bool') }), 'y')
    })
    expect(program.functions[0].operations.map(({ results }) => results[0].name)).toEqual(['x_1', 'bool_1', 'y'])
  })

  it('keeps large constants in files and small ones in the text', () => {
    const data = Float32Array.from({ length: 12 }, (_, i) => i / 4)
    const { program, blobs } = buildProgram({}, (b) => {
      const x = b.input('x', 'fp16', [12])
      const large = b.constant('fp16', [12], data, 'table')
      const inline = b.constant('fp16', [12], data, { name: 'inlined', inline: true })
      b.output(b.add({ x: b.add({ x, y: large }), y: inline }), 'y')
    })
    expect([...blobs.keys()]).toEqual(['@model_path/weights/table.bin'])
    const bytes = blobs.get('@model_path/weights/table.bin')!
    expect(Array.from(readBlob(bytes, 64, { dtype: 'fp16', elements: 12 }).data, Number)).toEqual(Array.from(data))
    const x = { dtype: 'fp16', shape: [12], data: new Float32Array(12) } as const
    expect(Array.from(evaluate(program, { x }, { blobs }).y.data, Number)).toEqual(Array.from(data, (v) => 2 * v))
  })

  it('names the operation whose shapes do not fit', () => {
    const build = () =>
      buildProgram({}, (b) => {
        b.add({ x: b.input('x', 'fp16', [3]), y: b.input('z', 'fp16', [4]) }, 'sum')
      })
    expect(build).toThrow(OpError)
    expect(build).toThrow(/^add sum: /)
  })

  it('refuses numbers that do not fit and names used twice', () => {
    const building = (write: Parameters<typeof buildProgram>[1]) => () => buildProgram({}, write)
    expect(building((b) => b.mul({ x: b.input('x', 'fp16', [2]), y: 1e5 }))).toThrow(/fp16 can hold/)
    expect(building((b) => b.constant('int32', [1], [0.5]))).toThrow(/Expected numbers int32 can hold/)
    expect(building((b) => b.constant('fp16', [2], [1]))).toThrow('Expected 2 elements for constant, got 1.')
    expect(building((b) => [b.input('x', 'fp16', [2]), b.input('x', 'fp16', [2])])).toThrow(/used once/)
    expect(building((b) => b.input('fp16', 'fp16', [2]))).toThrow(/no MIL keyword/)
  })

  it('keeps every constant in a file of its own', () => {
    expect(() =>
      buildProgram({}, (b) => {
        b.constant('fp16', [2], [1, 2], { path: '@model_path/w.bin' })
        b.constant('fp16', [2], [3, 4], { path: '@model_path/w.bin' })
      }),
    ).toThrow('Expected a file for one constant, got @model_path/w.bin again.')
  })

  it('makes an input that is returned as it is an output of its own', () => {
    const { program } = buildProgram({}, (b) => b.output(b.input('x', 'fp16', [2]), 'y'))
    expect(program.functions[0].operations.map(({ op }) => op)).toEqual(['identity'])
  })
})
