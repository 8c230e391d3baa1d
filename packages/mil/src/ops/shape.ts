/** Operations that rearrange or repeat elements by shape. */

import type { Dim } from '../ir.js'
import { tensorType } from '../literals.js'
import { offsetsOf, stridesOf, type Tensor } from '../tensor.js'
import { operandShape, reshaped, shapeOf } from './gradients.js'
import { ANY, computed, constant, elements, INTEGERS, moved, operand, option } from './operands.js'
import { type Call, type EvalCall, OpError, type OpRow, type VjpCall } from './row.js'
import { axesOf, axisOf, knownShape, product, spell } from './shapes.js'

/** Same elements in the same order under another shape; the gradient goes back to the old one. */
function relabelling(row: Pick<OpRow, 'op' | 'operands' | 'infer'>): OpRow {
  return {
    opset: 'ios15',
    types: { T: ANY },
    ...row,
    evaluate(call) {
      const out = moved(call, call.tensor('x'))
      out.data.set(elements(call.tensor('x')))
      return [out]
    },
    vjp(call: VjpCall) {
      const dy = call.dy[0]
      return dy && call.needs('x') ? { x: reshaped(call, dy, operandShape(call, 'x')) } : {}
    },
  }
}

/** Copies the elements at `offsets` of `x` in order. */
export function picked(call: EvalCall, x: Tensor, offsets: Int32Array): Tensor[] {
  const out = moved(call, x)
  const source = elements(x)
  for (let i = 0; i < offsets.length; i++) out.data[i] = source[offsets[i]]
  return [out]
}

const reshape = relabelling({
  op: 'reshape',
  operands: [operand('x', 'T'), operand('shape', INTEGERS)],
  infer(call) {
    const { dtype, shape } = call.type('x')
    const wanted = call.numbers('shape')
    if (!wanted) {
      const rank = knownShape(call.type('shape'), 'shape')[0] ?? 1
      return [tensorType(dtype, new Array<Dim>(rank).fill(null))]
    }
    const dims = wanted.map((dim, axis): Dim => (dim === 0 && wanted.length === shape.length ? shape[axis] : dim))
    const total = product(shape)
    const open = dims.indexOf(-1)
    const rest = product(dims.filter((_, axis) => axis !== open))
    if (dims.some((dim, axis) => dim !== null && dim < 0 && axis !== open)) {
      throw new OpError(`Expected sizes with at most one -1 for shape, got ${spell(wanted)}.`)
    }
    if (open >= 0) dims[open] = total === null || rest === null || rest === 0 ? null : total / rest
    if (open >= 0 ? !Number.isInteger(dims[open] ?? 0) : total !== null && rest !== null && rest !== total) {
      throw new OpError(`Expected a shape of ${total} elements for shape, got ${spell(wanted)}.`)
    }
    return [tensorType(dtype, dims)]
  },
})

const expandDims = relabelling({
  op: 'expand_dims',
  operands: [operand('x', 'T'), constant('axes', ['int32'])],
  infer(call) {
    const { dtype, shape } = call.type('x')
    const rank = shape.length + (call.numbers('axes')?.length ?? 0)
    const axes = axesOf(call, 'axes', rank) ?? []
    const rest = shape[Symbol.iterator]()
    return [
      tensorType(
        dtype,
        Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : (rest.next().value as Dim))),
      ),
    ]
  },
})

const squeeze = relabelling({
  op: 'squeeze',
  operands: [operand('x', 'T'), option('axes', ['int32'])],
  infer(call) {
    const { dtype, shape } = call.type('x')
    const axes = axesOf(call, 'axes', shape.length) ?? shape.flatMap((dim, axis) => (dim === 1 ? [axis] : []))
    for (const axis of axes) {
      if (shape[axis] !== 1 && shape[axis] !== null) {
        throw new OpError(`Expected axes of size 1 for axes, got ${axis} of ${spell(shape)}.`)
      }
    }
    return [
      tensorType(
        dtype,
        shape.filter((_, axis) => !axes.includes(axis)),
      ),
    ]
  },
})

const flatten2d = relabelling({
  op: 'flatten2d',
  operands: [operand('x', 'T'), option('axis', ['int32'], 1)],
  infer(call) {
    const { dtype, shape } = call.type('x')
    const at = call.number('axis')
    const axis = at === shape.length ? at : axisOf(at, shape.length)
    return [tensorType(dtype, [product(shape.slice(0, axis)), product(shape.slice(axis))])]
  },
})

function permutation(call: Call): number[] {
  const rank = call.type('x').shape.length
  const perm = axesOf(call, 'perm', rank)
  if (perm?.length !== rank) throw new OpError(`Expected ${rank} axes for perm, got ${perm?.length ?? 'none'}.`)
  return perm
}

const transpose: OpRow = {
  op: 'transpose',
  opset: 'ios15',
  operands: [operand('x', 'T'), constant('perm', ['int32'])],
  types: { T: ANY },
  infer(call) {
    const { dtype, shape } = call.type('x')
    return [
      tensorType(
        dtype,
        permutation(call).map((axis) => shape[axis]),
      ),
    ]
  },
  evaluate(call) {
    const x = call.tensor('x')
    const perm = permutation(call)
    const strides = stridesOf(x.shape)
    return picked(
      call,
      x,
      offsetsOf(
        perm.map((axis) => x.shape[axis]),
        perm.map((axis) => strides[axis]),
      ),
    )
  },
  vjp(call) {
    const dy = call.dy[0]
    if (!dy || !call.needs('x')) return {}
    const perm = permutation(call)
    return { x: call.b.op('transpose', { x: dy, perm: perm.map((_, axis) => perm.indexOf(axis)) }) }
  },
}

const reverse: OpRow = {
  op: 'reverse',
  opset: 'ios15',
  operands: [operand('x', 'T'), option('axes', ['int32'])],
  types: { T: ANY },
  infer: (call) => [call.type('x')],
  evaluate(call) {
    const x = call.tensor('x')
    const axes = axesOf(call, 'axes', x.shape.length) ?? x.shape.map((_, axis) => axis)
    const strides = stridesOf(x.shape)
    const start = axes.reduce((sum, axis) => sum + (x.shape[axis] - 1) * strides[axis], 0)
    return picked(
      call,
      x,
      offsetsOf(
        x.shape,
        strides.map((stride, axis) => (axes.includes(axis) ? -stride : stride)),
        start,
      ),
    )
  },
  vjp(call) {
    const dy = call.dy[0]
    const axes = axesOf(call, 'axes', call.type('x').shape.length)
    return dy && call.needs('x') ? { x: call.b.op('reverse', { x: dy, ...(axes && { axes }) }) } : {}
  },
}

const tile: OpRow = {
  op: 'tile',
  opset: 'ios15',
  operands: [operand('x', 'T'), operand('reps', ['int32'])],
  types: { T: ANY },
  infer(call) {
    const { dtype, shape } = call.type('x')
    const reps = call.numbers('reps')
    if (reps && reps.length !== shape.length)
      throw new OpError(`Expected ${shape.length} numbers for reps, got ${reps.length}.`)
    return [
      tensorType(
        dtype,
        shape.map((dim, axis) => (dim === null || !reps ? null : dim * reps[axis])),
      ),
    ]
  },
  evaluate(call) {
    const x = call.tensor('x')
    const reps = call.numbers('reps')!
    const strides = stridesOf(x.shape)
    const shape = x.shape.flatMap((dim, axis) => [reps[axis], dim])
    return picked(
      call,
      x,
      offsetsOf(
        shape,
        strides.flatMap((stride) => [0, stride]),
      ),
    )
  },
  vjp(call) {
    const dy = call.dy[0]
    const reps = call.numbers('reps')
    if (!dy || !reps || !call.needs('x')) return {}
    const shape = operandShape(call, 'x')
    let sum = dy
    for (const [axis, rep] of reps.entries()) {
      if (rep === 1) continue
      const own = shapeOf(sum)
      const apart = [...own.slice(0, axis), rep, shape[axis], ...own.slice(axis + 1)]
      sum = call.b.op('reduce_sum', { x: reshaped(call, sum, apart), axes: [axis], keep_dims: false })
    }
    return { x: sum }
  },
}

const shapeRow: OpRow = {
  op: 'shape',
  opset: 'ios15',
  operands: [operand('x', 'T')],
  types: { T: ANY },
  infer: (call) => [tensorType('int32', [call.type('x').shape.length])],
  evaluate(call) {
    const out = computed(call)
    out.data.set(call.tensor('x').shape)
    return [out]
  },
}

export const shapes: readonly OpRow[] = [reshape, transpose, expandDims, squeeze, flatten2d, reverse, tile, shapeRow]
