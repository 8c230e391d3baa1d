/** Joining and splitting along an axis. */

import type { Dim, Value } from '../ir.js'
import { tensorType } from '../literals.js'
import type { Tensor } from '../tensor.js'
import { filled, operandShape, reshaped, shapeOf } from './gradients.js'
import { ANY, constant, elements, moved, operand, option } from './operands.js'
import { type Call, type EvalCall, type Gradients, OpError, type OpRow, type VjpCall } from './row.js'
import { axisOf, knownShape, sameDim, spell } from './shapes.js'

const VALUES = { name: 'values', types: ANY, variadic: true }

/** Sizes and their starting points along the axis. */
function starts(sizes: readonly number[]): number[] {
  return sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0))
}

/** Requires equal types except along `axis` (or everywhere) and returns the common dims. */
function commonShape(call: Call, axis?: number): Dim[] {
  const [first, ...others] = call.types('values')
  if (!first) throw new OpError('Expected at least one value for values, got none.')
  const shape = [...first.shape]
  for (const other of others) {
    if (other.dtype !== first.dtype) throw new OpError(`Expected ${first.dtype} for values, got ${other.dtype}.`)
    if (other.shape.length !== shape.length) {
      throw new OpError(`Expected rank ${shape.length} for values, got ${spell(other.shape)}.`)
    }
    for (const [i, dim] of other.shape.entries()) {
      if (i !== axis) shape[i] = sameDim(shape[i], dim, `axis ${i} of values`)
    }
  }
  return shape
}

/** Copies each value as runs of `chunk` elements, in turn, `outer` times. */
function interwoven(call: EvalCall, values: readonly Tensor[], outer: number): Tensor[] {
  const out = moved(call, values[0])
  let at = 0
  for (let i = 0; i < outer; i++) {
    for (const value of values) {
      const data = elements(value)
      const chunk = data.length / outer
      out.data.set(data.subarray(i * chunk, (i + 1) * chunk), at)
      at += chunk
    }
  }
  return [out]
}

function outerCount(shape: readonly number[], axis: number): number {
  return shape.slice(0, axis).reduce((total, dim) => total * dim, 1)
}

/** Cuts a gradient along `axis` into pieces of `sizes`. */
function cut(call: VjpCall, gradient: Value, axis: number, sizes: readonly number[]): Value[] {
  const shape = shapeOf(gradient)
  return starts(sizes).map((start, i) => {
    const begin = shape.map((_, other) => (other === axis ? start : 0))
    return call.b.op('slice_by_size', { x: gradient, begin, size: shape.with(axis, sizes[i]) })
  })
}

const concat: OpRow = {
  op: 'concat',
  opset: 'ios15',
  operands: [VALUES, constant('axis', ['int32']), option('interleave', ['bool'], false)],
  infer(call) {
    const types = call.types('values')
    const axis = axisOf(call.number('axis'), types[0]?.shape.length ?? 0)
    const shape = commonShape(call, call.flag('interleave') ? undefined : axis)
    const sizes = types.map((type) => type.shape[axis])
    const total = sizes.includes(null) ? null : sizes.reduce<number>((sum, size) => sum + size!, 0)
    return [tensorType(types[0].dtype, shape.with(axis, total))]
  },
  evaluate(call) {
    const values = call.tensors('values')
    const axis = axisOf(call.number('axis'), values[0].shape.length)
    return interwoven(call, values, outerCount(values[0].shape, axis + Number(call.flag('interleave'))))
  },
  vjp(call) {
    const dy = call.dy[0]
    if (!dy || !call.needs('values')) return {}
    if (call.flag('interleave')) throw new OpError('Expected no interleave for a gradient, got true.')
    const axis = axisOf(call.number('axis'), shapeOf(dy).length)
    const sizes = call.types('values').map((type) => knownShape(type, 'values')[axis])
    return {
      values: cut(call, dy, axis, sizes),
    }
  },
}

const stack: OpRow = {
  op: 'stack',
  opset: 'ios15',
  operands: [VALUES, constant('axis', ['int32'])],
  infer(call) {
    const types = call.types('values')
    const axis = axisOf(call.number('axis'), (types[0]?.shape.length ?? 0) + 1)
    return [tensorType(types[0].dtype, commonShape(call).toSpliced(axis, 0, types.length))]
  },
  evaluate(call) {
    const values = call.tensors('values')
    return interwoven(
      call,
      values,
      outerCount(values[0].shape, axisOf(call.number('axis'), values[0].shape.length + 1)),
    )
  },
  vjp(call) {
    const dy = call.dy[0]
    if (!dy || !call.needs('values')) return {}
    const values = call.types('values')
    const pieces = cut(
      call,
      dy,
      axisOf(call.number('axis'), shapeOf(dy).length),
      values.map(() => 1),
    )
    return { values: pieces.map((piece, i) => reshaped(call, piece, knownShape(values[i], 'values'))) }
  },
}

/** Sizes of the parts `split` makes; equal parts of an unknown dimension are unknown. */
function partSizes(call: Call): Dim[] {
  const { shape } = call.type('x')
  const dim = shape[axisOf(call.number('axis'), shape.length)]
  const sizes = call.numbers('split_sizes')
  if (sizes) {
    const total = sizes.reduce((sum, size) => sum + size, 0)
    if (dim !== null && total !== dim)
      throw new OpError(`Expected sizes of total ${dim} for split_sizes, got ${sizes}.`)
    return [...sizes]
  }
  const count = call.number('num_splits')
  if (count < 1 || (dim !== null && dim % count))
    throw new OpError(`Expected a divisor of ${dim} for num_splits, got ${count}.`)
  return new Array<Dim>(count).fill(dim === null ? null : dim / count)
}

const split: OpRow = {
  op: 'split',
  opset: 'ios15',
  operands: [
    operand('x', 'T'),
    option('num_splits', ['int32']),
    option('split_sizes', ['int32']),
    constant('axis', ['int32']),
  ],
  types: { T: ANY },
  infer(call) {
    const { dtype, shape } = call.type('x')
    const axis = axisOf(call.number('axis'), shape.length)
    return partSizes(call).map((size) => tensorType(dtype, shape.with(axis, size)))
  },
  evaluate(call) {
    const x = call.tensor('x')
    const axis = axisOf(call.number('axis'), x.shape.length)
    const sizes = partSizes(call) as number[]
    const outer = outerCount(x.shape, axis)
    const data = elements(x)
    const [row, unit] = [data.length / outer, data.length / outer / x.shape[axis]]
    return starts(sizes).map((start, part) => {
      const out = moved(call, x, part)
      const chunk = sizes[part] * unit
      for (let i = 0; i < outer; i++) {
        const from = i * row + start * unit
        out.data.set(data.subarray(from, from + chunk), i * chunk)
      }
      return out
    })
  },
  vjp(call): Gradients {
    const some = call.dy.find((gradient) => gradient)
    if (!some || !call.needs('x')) return {}
    const axis = axisOf(call.number('axis'), call.type('x').shape.length)
    const whole = operandShape(call, 'x')
    const values = partSizes(call).map((size, i) => call.dy[i] ?? filled(call, some, whole.with(axis, size!), 0))
    return { x: call.b.op('concat', { values, axis, interleave: false }) }
  },
}

export const joins: readonly OpRow[] = [concat, stack, split]
