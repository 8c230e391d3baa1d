/** Operations that select a box of elements. */

import type { Dim } from '../ir.js'
import { tensorType } from '../literals.js'
import { offsetsOf, stridesOf } from '../tensor.js'
import { embedded, operandShape, reshaped } from './gradients.js'
import { ANY, elements, INTEGERS, moved, operand, option } from './operands.js'
import { type Call, type Gradients, OpError, type OpRow, type VjpCall } from './row.js'
import { picked } from './shape.js'

/** The elements `begin`, `begin + stride`, … of one axis; a squeezed axis is dropped from the result. */
interface Range {
  readonly begin: number
  readonly stride: number
  readonly size: Dim
  readonly squeezed: boolean
}

const SELECTORS = [
  operand('begin', INTEGERS),
  operand('end', INTEGERS),
  option('stride', INTEGERS),
  option('begin_mask', ['bool']),
  option('end_mask', ['bool']),
  option('squeeze_mask', ['bool']),
]

function perAxis(call: Call, name: string, rank: number): readonly number[] | undefined {
  const numbers = call.numbers(name)
  if (numbers && numbers.length !== rank) {
    throw new OpError(`Expected ${rank} numbers for ${name}, got ${numbers.length}.`)
  }
  return numbers
}

/** Ranges of `slice_by_index`: Python's rules per axis, masks meaning the full extent in the direction of the stride. */
function indexRanges(call: Call): Range[] {
  const { shape } = call.type('x')
  const [begins, ends] = [perAxis(call, 'begin', shape.length), perAxis(call, 'end', shape.length)]
  const strides = perAxis(call, 'stride', shape.length)
  const mask = (name: string) => perAxis(call, name, shape.length) ?? []
  const [beginMask, endMask, squeezeMask] = [mask('begin_mask'), mask('end_mask'), mask('squeeze_mask')]
  return shape.map((dim, axis): Range => {
    const stride = strides?.[axis] ?? 1
    if (stride === 0) throw new OpError('Expected non-zero numbers for stride, got 0.')
    if (squeezeMask[axis]) {
      const index = beginMask[axis] ? 0 : (begins?.[axis] ?? 0)
      const begin = index < 0 && dim !== null ? index + dim : index
      if (dim !== null && (begin < 0 || begin >= dim)) {
        throw new OpError(`Expected ${-dim} to ${dim - 1} for begin of axis ${axis}, got ${index}.`)
      }
      return { begin, stride: 1, size: 1, squeezed: true }
    }
    const fixed = (beginMask[axis] || begins) && (endMask[axis] || ends)
    if (dim === null || !fixed) return { begin: 0, stride, size: null, squeezed: false }
    const [least, most] = stride > 0 ? [0, dim] : [-1, dim - 1]
    const bounded = (index: number) => Math.min(most, Math.max(least, index < 0 ? index + dim : index))
    const begin = beginMask[axis] ? (stride > 0 ? 0 : dim - 1) : bounded(begins![axis])
    const end = endMask[axis] ? (stride > 0 ? dim : -1) : bounded(ends![axis])
    return { begin, stride, size: Math.max(0, Math.ceil((end - begin) / stride)), squeezed: false }
  })
}

/** Ranges of `slice_by_size`; size -1 is the rest. */
function sizeRanges(call: Call): Range[] {
  const { shape } = call.type('x')
  const [begins, sizes] = [perAxis(call, 'begin', shape.length), perAxis(call, 'size', shape.length)]
  return shape.map((dim, axis): Range => {
    const given = begins?.[axis] ?? 0
    const begin = given < 0 && dim !== null ? given + dim : given
    const wanted = sizes?.[axis] ?? null
    const rest = dim === null || !begins ? null : dim - begin
    const size = wanted === -1 ? rest : wanted
    if (dim !== null && begins && (begin < 0 || begin > dim || (size !== null && (size < 0 || begin + size > dim)))) {
      throw new OpError(
        `Expected a range inside ${dim} elements for axis ${axis}, got begin ${given} and size ${wanted}.`,
      )
    }
    return { begin, stride: 1, size, squeezed: false }
  })
}

function sizesOf(ranges: readonly Range[]): Dim[] {
  return ranges.flatMap((range) => (range.squeezed ? [] : [range.size]))
}

function sourceOffsets(shape: readonly number[], ranges: readonly Range[]): Int32Array {
  const strides = stridesOf(shape)
  const start = ranges.reduce((sum, range, axis) => sum + range.begin * strides[axis], 0)
  const sizes = ranges.map((range) => range.size!)
  return offsetsOf(
    sizes,
    strides.map((stride, axis) => stride * ranges[axis].stride),
    start,
  )
}

function sliceGradient(call: VjpCall, ranges: readonly Range[]): Gradients {
  const dy = call.dy[0]
  if (!dy || !call.needs('x')) return {}
  if (ranges.some((range) => range.stride !== 1)) throw new OpError('Expected stride 1 for a gradient, got another.')
  const whole = reshaped(
    call,
    dy,
    ranges.map((range) => range.size!),
  )
  return {
    x: embedded(
      call,
      whole,
      operandShape(call, 'x'),
      ranges.map((range) => range.begin),
    ),
  }
}

function slice(op: string, operands: OpRow['operands'], ranges: (call: Call) => Range[]): OpRow {
  return {
    op,
    opset: 'ios15',
    operands: [operand('x', 'T'), ...operands],
    types: { T: ANY },
    infer: (call) => [tensorType(call.type('x').dtype, sizesOf(ranges(call)))],
    evaluate(call) {
      const x = call.tensor('x')
      return picked(call, x, sourceOffsets(x.shape, ranges(call)))
    },
    vjp: (call) => sliceGradient(call, ranges(call)),
  }
}

const sliceUpdate: OpRow = {
  op: 'slice_update',
  opset: 'ios18',
  operands: [operand('x', 'T'), operand('update', 'T'), ...SELECTORS],
  types: { T: ANY },
  infer(call) {
    const [wanted, given] = [sizesOf(indexRanges(call)), call.type('update').shape]
    const fits = wanted.every((dim, axis) => dim === null || given[axis] === null || dim === given[axis])
    if (wanted.length !== given.length || !fits) {
      throw new OpError(`Expected the shape [${wanted}] of the region for update, got [${given}].`)
    }
    return [call.type('x')]
  },
  evaluate(call) {
    const x = call.tensor('x')
    const out = moved(call, x)
    out.data.set(elements(x))
    const update = elements(call.tensor('update'))
    const offsets = sourceOffsets(x.shape, indexRanges(call))
    for (let i = 0; i < offsets.length; i++) out.data[offsets[i]] = update[i]
    return [out]
  },
}

export const slices: readonly OpRow[] = [
  slice('slice_by_size', [operand('begin', INTEGERS), operand('size', INTEGERS)], sizeRanges),
  slice('slice_by_index', SELECTORS, indexRanges),
  sliceUpdate,
]
