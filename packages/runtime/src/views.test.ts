import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { channels, columns, openDevice, transposed, view } from './index.js'
import { checkView, overlapsItself, viewDtype } from './views.js'

describe('view', () => {
  it('is dense by default', () => {
    const of = new Float32Array(12)
    expect(view(of, { rows: 3, cols: 4 })).toEqual({ of, rows: 3, cols: 4, offset: 0, rowStride: 4, colStride: 1 })
  })

  it('refuses elements outside its memory and sizes that are none', () => {
    const of = new Float32Array(12)
    expect(() => view(of, { rows: 3, cols: 4, offset: 1 })).toThrow(
      'Expected a view inside 12 elements for view, got 3 x 4 at offset 1 with strides 4, 1.',
    )
    expect(() => view(of, { rows: -1, cols: 4 })).toThrow('Expected a non-negative integer for view.rows, got -1.')
    expect(() => view(of, { rows: 1, cols: 1.5 })).toThrow(RangeError)
    expect(() => view([] as never, { rows: 1, cols: 1 })).toThrow('got Array.')
    expect(() => view(null as never, { rows: 1, cols: 1 })).toThrow(TypeError)
  })

  it('reads a Uint16Array as fp16 bits', () => {
    expect(viewDtype(view(new Uint16Array(1), { rows: 1, cols: 1 }))).toBe('fp16')
    expect(viewDtype(view(new Float64Array(1), { rows: 1, cols: 1 }))).toBe('fp64')
  })

  it('accepts exactly what lies inside', () => {
    const size = fc.integer({ min: 1, max: 5 })
    const stride = fc.integer({ min: 0, max: 6 })
    fc.assert(
      fc.property(size, size, stride, stride, stride, (rows, cols, offset, rowStride, colStride) => {
        const of = new Float32Array(20)
        const last = offset + (rows - 1) * rowStride + (cols - 1) * colStride
        const check = () => checkView({ of, rows, cols, offset, rowStride, colStride }, 'v')
        if (last < 20) check()
        else expect(check).toThrow(RangeError)
      }),
    )
  })

  it('knows when it repeats an element', () => {
    const size = fc.integer({ min: 0, max: 5 })
    const stride = fc.integer({ min: 0, max: 8 })
    fc.assert(
      fc.property(size, size, stride, stride, (rows, cols, rowStride, colStride) => {
        const indices: number[] = []
        for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) indices.push(r * rowStride + c * colStride)
        const of = new Float32Array(0)
        const repeats = new Set(indices).size < indices.length
        expect(overlapsItself({ of, rows, cols, offset: 0, rowStride, colStride })).toBe(repeats)
      }),
    )
  })
})

describe('views of surfaces', () => {
  it('select channels, columns and exchange them', async () => {
    const device = await openDevice('reference')
    const of = device.createSurface([1, 6, 1, 10], 'fp16')
    expect(channels(of)).toMatchObject({ rows: 6, cols: 10, offset: 0, rowStride: 10, colStride: 1 })
    expect(channels(of, 2, 3)).toMatchObject({ rows: 3, cols: 10, offset: 20, rowStride: 10, colStride: 1 })
    expect(columns(of, 4, 5)).toMatchObject({ rows: 6, cols: 5, offset: 4, rowStride: 10, colStride: 1 })
    expect(transposed(columns(of, 4, 5))).toMatchObject({ rows: 5, cols: 6, offset: 4, rowStride: 1, colStride: 10 })
    expect(transposed(transposed(columns(of, 4)))).toEqual(columns(of, 4))
    expect(() => channels(of, 4, 3)).toThrow('Expected channels inside 6, got 3 from 4 on.')
    expect(() => columns(of, -1, 2)).toThrow(RangeError)
    expect(() => columns(of, 11)).toThrow(RangeError)
  })
})
