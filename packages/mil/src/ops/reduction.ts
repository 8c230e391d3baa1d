/** Reductions over axes; sums accumulate in binary64. */

import type { Dtype, Value } from '../ir.js'
import { tensorType } from '../literals.js'
import { elementCount, offsetsOf, stridesOf, type Tensor } from '../tensor.js'
import { product } from './elementwise-unary.js'
import { filled, operandShape, reshaped } from './gradients.js'
import { computed, elements, INTEGERS, NUMBERS, operand, option } from './operands.js'
import { type Call, type EvalCall, OpError, type OpRow, type VjpCall } from './row.js'
import { axesOf, axisOf } from './shapes.js'

interface Reduction {
  /** Value of the accumulator before the first element. */
  start: number
  step(accumulated: number, x: number): number
  finish?(accumulated: number, count: number): number
  /** Gradient of `x` from result and gradient, both with the reduced axes kept as 1. */
  derivative?(call: VjpCall, of: { x: Value; y: Value; dy: Value; axes: readonly number[] }): Value
}

function reducedAxes(call: Call): number[] {
  const rank = call.type('x').shape.length
  return axesOf(call, 'axes', rank) ?? Array.from({ length: rank }, (_, axis) => axis)
}

function reduction(op: string, { start, step, finish, derivative }: Reduction): OpRow {
  return {
    op,
    opset: 'ios15',
    operands: [operand('x', 'T'), option('axes', ['int32']), option('keep_dims', ['bool'], false)],
    types: { T: NUMBERS },
    infer(call) {
      const { dtype, shape } = call.type('x')
      const axes = reducedAxes(call)
      const kept = shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
      return [tensorType(dtype, call.flag('keep_dims') ? kept : kept.filter((_, axis) => !axes.includes(axis)))]
    },
    evaluate(call) {
      const x = elements(call.tensor('x'))
      const { outer, inner } = windows(call, reducedAxes(call))
      const out = computed(call)
      for (let i = 0; i < outer.length; i++) {
        let total = start
        for (let j = 0; j < inner.length; j++) total = step(total, x[outer[i] + inner[j]])
        out.data[i] = finish ? finish(total, inner.length) : total
      }
      return [out]
    },
    ...(derivative && {
      vjp(call: VjpCall) {
        const dy = call.dy[0]
        if (!dy || !call.needs('x')) return {}
        const axes = reducedAxes(call)
        const kept = operandShape(call, 'x').map((dim, axis) => (axes.includes(axis) ? 1 : dim))
        const of = {
          get x() {
            return call.value('x')
          },
          get y() {
            return reshaped(call, call.y[0], kept)
          },
          dy: reshaped(call, dy, kept),
          axes,
        }
        return { x: derivative(call, of) }
      },
    }),
  }
}

/** Offsets of the first element of each reduced window and of the elements inside a window. */
function windows(call: EvalCall, axes: readonly number[]): { outer: Int32Array; inner: Int32Array } {
  const { shape } = call.tensor('x')
  const strides = stridesOf(shape)
  const others = shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]))
  const ordered = [...axes].sort((a, b) => a - b)
  const pick = (chosen: readonly number[]) =>
    offsetsOf(
      chosen.map((axis) => shape[axis]),
      chosen.map((axis) => strides[axis]),
    )
  return { outer: pick(others), inner: pick(ordered) }
}

/** Repeats a gradient along the reduced axes, times `scale`: a product with a constant of only those axes. */
function spread(call: VjpCall, dy: Value, axes: readonly number[], scale: number): Value {
  const shape = operandShape(call, 'x').map((dim, axis) => (axes.includes(axis) ? dim : 1))
  if (elementCount(shape) === 1) return scale === 1 ? dy : product(call.b, dy, scale)
  return product(call.b, dy, filled(call, dy, shape, scale))
}

/** Equal extremes all receive the gradient. */
function extreme(call: VjpCall, of: { x: Value; y: Value; dy: Value }): Value {
  const { b } = call
  return b.op('select', { cond: b.op('equal', { x: of.x, y: of.y }), a: of.dy, b: 0 })
}

/** NaN if either is; +0 is larger than −0, so that the order of elements does not matter. */
const largest = (total: number, x: number): number => Math.max(total, x)
const smallest = (total: number, x: number): number => Math.min(total, x)

/** ln Σ eˣ needs the maximum before the sum. */
function logSumExp(call: EvalCall): Tensor[] {
  const x = elements(call.tensor('x'))
  const { outer, inner } = windows(call, reducedAxes(call))
  const out = computed(call)
  for (let i = 0; i < outer.length; i++) {
    let peak = -Infinity
    for (let j = 0; j < inner.length; j++) peak = largest(peak, x[outer[i] + inner[j]])
    let total = 0
    for (let j = 0; j < inner.length; j++) total += Math.exp(x[outer[i] + inner[j]] - peak)
    out.data[i] = Number.isFinite(peak) ? peak + Math.log(total) : peak
  }
  return [out]
}

const sum = (total: number, x: number) => total + x

function argument(op: string, better: (x: number, best: number) => boolean): OpRow {
  const axis = (call: Call) => axisOf(call.number('axis'), call.type('x').shape.length)
  return {
    op,
    opset: 'ios15',
    operands: [
      operand('x', 'T'),
      option('axis', ['int32'], -1),
      option('keep_dims', ['bool'], false),
      option('output_dtype', ['string'], 'int32'),
    ],
    types: { T: NUMBERS },
    infer(call) {
      const { shape } = call.type('x')
      const dtype = call.text('output_dtype') as Dtype
      if (!INTEGERS.includes(dtype)) throw new OpError(`Expected int32 or uint16 for output_dtype, got ${dtype}.`)
      const reduced = axis(call)
      const kept = call.flag('keep_dims')
      return [
        tensorType(
          dtype,
          shape.flatMap((dim, i) => (i !== reduced ? [dim] : kept ? [1] : [])),
        ),
      ]
    },
    evaluate(call) {
      const x = elements(call.tensor('x'))
      const { outer, inner } = windows(call, [axis(call)])
      const out = computed(call)
      for (let i = 0; i < outer.length; i++) {
        let best = 0
        for (let j = 1; j < inner.length; j++) if (better(x[outer[i] + inner[j]], x[outer[i] + inner[best]])) best = j
        out.data[i] = best
      }
      return [out]
    },
  }
}

export const reductions: readonly OpRow[] = [
  reduction('reduce_sum', {
    start: 0,
    step: sum,
    derivative: (call, { dy, axes }) => spread(call, dy, axes, 1),
  }),
  reduction('reduce_mean', {
    start: 0,
    step: sum,
    finish: (total, count) => total / count,
    derivative: (call, { dy, axes }) =>
      spread(call, dy, axes, 1 / axes.reduce((count, axis) => count * operandShape(call, 'x')[axis], 1)),
  }),
  reduction('reduce_max', { start: -Infinity, step: largest, derivative: extreme }),
  reduction('reduce_min', { start: Infinity, step: smallest, derivative: extreme }),
  reduction('reduce_prod', { start: 1, step: (total, x) => total * x }),
  reduction('reduce_l1_norm', { start: 0, step: (total, x) => total + Math.abs(x) }),
  reduction('reduce_l2_norm', {
    start: 0,
    step: (total, x) => total + x * x,
    finish: Math.sqrt,
    derivative: ({ b }, { x, y, dy }) => product(b, b.op('real_div', { x, y }), dy),
  }),
  reduction('reduce_sum_square', {
    start: 0,
    step: (total, x) => total + x * x,
    derivative: ({ b }, { x, dy }) => product(b, b.op('mul', { x, y: dy }), 2),
  }),
  reduction('reduce_log_sum', { start: 0, step: sum, finish: Math.log }),
  {
    ...reduction('reduce_log_sum_exp', {
      start: 0,
      step: sum,
      derivative: ({ b }, { x, y, dy }) => product(b, b.op('exp', { x: b.op('sub', { x, y }) }), dy),
    }),
    evaluate: logSumExp,
  },
  argument('reduce_argmax', (x, best) => x > best),
  argument('reduce_argmin', (x, best) => x < best),
]
