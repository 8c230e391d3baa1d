/** Pooling over one to three spatial axes. */

import { tensorType } from '../literals.js'
import { elementCount, offsetsOf, stridesOf } from '../tensor.js'
import { computed, constant, elements, FLOATS, operand, option } from './operands.js'
import { type Call, OpError, type OpRow } from './row.js'
import { needRank } from './shapes.js'
import { positions, type Window, windowsOf } from './window.js'

function poolWindows(call: Call): Window[] {
  const dims = call.type('x').shape.slice(2)
  const sizes = call.numbers('kernel_sizes')
  if (sizes?.length !== dims.length) {
    throw new OpError(`Expected ${dims.length} numbers for kernel_sizes, got ${sizes?.length ?? 'none'}.`)
  }
  return windowsOf(call, dims, sizes)
}

/** Combines the elements of a window that lie inside; `full` counts padding but not what `ceil_mode` adds beyond it. */
type Pool = (values: readonly number[], full: number, call: Call) => number

function pool(op: string, combine: Pool, more: OpRow['operands'] = []): OpRow {
  return {
    op,
    opset: 'ios15',
    operands: [
      operand('x', 'T'),
      constant('kernel_sizes', ['int32']),
      option('strides', ['int32']),
      constant('pad_type', ['string']),
      option('pad', ['int32']),
      option('ceil_mode', ['bool'], false),
      ...more,
    ],
    types: { T: FLOATS },
    infer(call) {
      const x = call.type('x')
      needRank(x, 3, 5, 'x')
      const ceil = call.flag('ceil_mode')
      const spatial = poolWindows(call).map((window, i) => positions(x.shape[2 + i], window, ceil))
      return [tensorType(x.dtype, [...x.shape.slice(0, 2), ...spatial])]
    },
    evaluate(call) {
      const x = call.tensor('x')
      const [data, out, windows] = [elements(x), computed(call), poolWindows(call)]
      const [from, to] = [x.shape.slice(2), out.shape.slice(2)]
      const [strides, planeIn, planeOut] = [stridesOf(from), elementCount(from), elementCount(to)]
      const sizes = windows.map(({ size }) => size)
      const coordinates = (shape: readonly number[], i: number) =>
        stridesOf(shape).map((stride, axis) => Math.floor(i / stride) % shape[axis])
      const taps = Array.from(offsetsOf(sizes, stridesOf(sizes)), (tap) => coordinates(sizes, tap))
      for (let i = 0; i < out.data.length; i++) {
        const plane = Math.floor(i / planeOut) * planeIn
        const corner = coordinates(to, i % planeOut).map((at, axis) => at * windows[axis].stride - windows[axis].before)
        const inside: number[] = []
        let full = 0
        for (const tap of taps) {
          const at = tap.map((offset, axis) => corner[axis] + offset)
          if (at.every((index, axis) => index < from[axis] + windows[axis].after)) full++
          if (!at.every((index, axis) => index >= 0 && index < from[axis])) continue
          inside.push(data[plane + at.reduce((sum, index, axis) => sum + index * strides[axis], 0)])
        }
        out.data[i] = combine(inside, full, call)
      }
      return [out]
    },
  }
}

export const poolings: readonly OpRow[] = [
  pool('max_pool', (values) => values.reduce((most, x) => Math.max(most, x), -Infinity)),
  pool(
    'avg_pool',
    (values, full, call) =>
      values.reduce((sum, x) => sum + x, 0) / (call.flag('exclude_padding_from_average') ? values.length : full),
    [option('exclude_padding_from_average', ['bool'], false)],
  ),
  pool('l2_pool', (values) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0))),
]
