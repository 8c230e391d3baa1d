import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  axisRun,
  contiguousView,
  isContiguous,
  reshapedView,
  type StridedView,
  transposedView,
} from './strided-view.js'
import { elementCount, offsetsOf } from './tensor.js'

/** Positions the view reads, in its row-major order. */
function positions(view: StridedView): number[] {
  const runs = view.flat()
  return Array.from(
    offsetsOf(
      runs.map(({ size }) => size),
      runs.map(({ stride }) => stride),
    ),
  )
}

describe('strided views', () => {
  it('read what a transpose of a reshape reads', () => {
    const dims = fc.array(fc.constantFrom(1, 2, 3, 4), { minLength: 1, maxLength: 4 })
    const cases = dims.chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        fc.shuffledSubarray(
          shape.map((_, i) => i),
          { minLength: shape.length },
        ),
      ),
    )
    fc.assert(
      fc.property(cases, ([shape, perm]) => {
        const moved = transposedView(contiguousView(shape), perm)
        const own = perm.map((axis) => elementCount(shape.slice(axis + 1)))
        const expected = offsetsOf(
          perm.map((axis) => shape[axis]),
          own,
        )
        expect(positions(moved)).toEqual(Array.from(expected))
        expect(isContiguous(moved)).toBe(Array.from(expected).every((at, i) => at === i))
        const flat = reshapedView(moved, [elementCount(shape)])
        expect(flat && positions(flat)).toEqual(positions(moved))
      }),
    )
  })

  it('tell the rows of a matrix from its columns after reshapes', () => {
    const view = reshapedView(transposedView(contiguousView([1, 6, 1, 4]), [0, 3, 1, 2]), [4, 6])!
    expect(axisRun(view, 0)).toEqual({ size: 4, stride: 1 })
    expect(axisRun(view, 1)).toEqual({ size: 6, stride: 4 })
  })

  it('refuse an axis whose stride would change midway', () => {
    expect(reshapedView(transposedView(contiguousView([4, 3]), [1, 0]), [2, 6])).toBeUndefined()
  })
})
