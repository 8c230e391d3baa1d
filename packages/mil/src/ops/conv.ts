/** Convolution (cross-correlation) over one to three spatial axes, accumulated in binary64. */

import { tensorType } from '../literals.js'
import type { Tensor } from '../tensor.js'
import { operandShape, reshaped, shapeOf } from './gradients.js'
import { computed, elements, FLOATS, operand, option } from './operands.js'
import { type Call, type EvalCall, type Gradients, OpError, type OpRow, type VjpCall } from './row.js'
import { knownShape, needPerChannel, needRank, sameDim } from './shapes.js'
import { covered, positions, type Window, windowsOf } from './window.js'

function convWindows(call: Call): Window[] {
  return windowsOf(call, call.type('x').shape.slice(2), knownShape(call.type('weight'), 'weight').slice(2))
}

function infer(call: Call) {
  const [x, weight] = [call.type('x'), call.type('weight')]
  needRank(x, 3, 5, 'x')
  needRank(weight, x.shape.length, x.shape.length, 'weight')
  const [outputs, inputs] = knownShape(weight, 'weight')
  const groups = call.number('groups')
  if (groups < 1 || outputs % groups) throw new OpError(`Expected a divisor of ${outputs} for groups, got ${groups}.`)
  sameDim(inputs * groups, x.shape[1], 'the channels of x')
  needPerChannel(call, 'bias', outputs)
  const windows = convWindows(call)
  return [tensorType(x.dtype, [x.shape[0], outputs, ...windows.map((w, i) => positions(x.shape[2 + i], w))])]
}

/** Pads a list to the three spatial axes the loops run over. */
function three<E>(list: readonly E[], fill: E): [E, E, E] {
  return [...new Array<E>(3 - list.length).fill(fill), ...list] as [E, E, E]
}

const POINT: Window = { size: 1, stride: 1, dilation: 1, before: 0, after: 0 }

function evaluate(call: EvalCall): Tensor[] {
  const [x, weight] = [call.tensor('x'), call.tensor('weight')]
  const out = computed(call)
  const [batch, channels] = x.shape
  const [outputs, inputs] = weight.shape
  const windows = three(convWindows(call), POINT)
  const from = three(x.shape.slice(2), 1)
  const to = three(out.shape.slice(2), 1)
  const [sizeIn, sizeOut] = [from[0] * from[1] * from[2], to[0] * to[1] * to[2]]
  const taps = windows[0].size * windows[1].size * windows[2].size
  const perGroup = outputs / call.number('groups')
  const bias = call.has('bias') ? elements(call.tensor('bias')) : undefined
  const [source, kernel, result] = [elements(x), elements(weight), out.data]
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < outputs; o++) {
      const target = (n * outputs + o) * sizeOut
      if (bias) result.fill(bias[o], target, target + sizeOut)
      const group = Math.floor(o / perGroup)
      for (let c = 0; c < inputs; c++) {
        const plane = (n * channels + group * inputs + c) * sizeIn
        for (let tap = 0; tap < taps; tap++) {
          accumulate(kernel[(o * inputs + c) * taps + tap], tap, plane, target)
        }
      }
    }
  }
  return [out]

  /** Adds one kernel element times the input plane to one output plane. */
  function accumulate(factor: number, tap: number, plane: number, target: number): void {
    const [wd, wh, ww] = windows
    const kw = tap % ww.size
    const kh = Math.floor(tap / ww.size) % wh.size
    const kd = Math.floor(tap / (ww.size * wh.size))
    const [d0, d1] = covered(kd, from[0], to[0], wd)
    const [h0, h1] = covered(kh, from[1], to[1], wh)
    const [w0, w1] = covered(kw, from[2], to[2], ww)
    for (let d = d0; d < d1; d++) {
      const slab = plane + (d * wd.stride + kd * wd.dilation - wd.before) * from[1] * from[2]
      for (let h = h0; h < h1; h++) {
        const row = slab + (h * wh.stride + kh * wh.dilation - wh.before) * from[2] + kw * ww.dilation - ww.before
        const line = target + (d * to[1] + h) * to[2]
        for (let w = w0; w < w1; w++) result[line + w] += factor * source[row + w * ww.stride]
      }
    }
  }
}

/** A 1×1 convolution is W·X per column, so dX = Wᵀ·dY is one too. */
function vjp(call: VjpCall): Gradients {
  const { b } = call
  const dy = call.dy[0]
  if (!dy) return {}
  const [outputs, inputs, ...kernel] = operandShape(call, 'weight')
  const windows = convWindows(call)
  const plain = windows.every((w) => w.size === 1 && w.stride === 1 && w.before === 0 && w.after === 0)
  if (!plain || call.number('groups') !== 1) {
    throw new OpError(`Expected kernels of 1 with stride 1, no padding and one group for a gradient, got [${kernel}].`)
  }
  if (call.needs('weight')) throw new OpError('Expected no gradient for weight, got a request. Use matmul for weights.')
  const gradients: Gradients = {}
  if (call.needs('x')) {
    const flipped = b.op('transpose', { x: reshaped(call, call.value('weight'), [outputs, inputs]), perm: [1, 0] })
    gradients.x = b.op('conv', {
      x: dy,
      weight: reshaped(call, flipped, [inputs, outputs, ...kernel]),
      strides: kernel.map(() => 1),
      pad_type: 'valid',
      pad: kernel.flatMap(() => [0, 0]),
      dilations: kernel.map(() => 1),
      groups: 1,
    })
  }
  if (call.has('bias') && call.needs('bias')) {
    const axes = shapeOf(dy).flatMap((_, axis) => (axis === 1 ? [] : [axis]))
    gradients.bias = b.op('reduce_sum', { x: dy, axes, keep_dims: false })
  }
  return gradients
}

export const convolutions: readonly OpRow[] = [
  {
    op: 'conv',
    opset: 'ios15',
    operands: [
      operand('x', 'T'),
      operand('weight', 'U'),
      { name: 'bias', types: 'U', optional: true },
      option('strides', ['int32']),
      option('pad_type', ['string'], 'valid'),
      option('pad', ['int32']),
      option('dilations', ['int32']),
      option('groups', ['int32'], 1),
    ],
    types: { T: FLOATS, U: FLOATS },
    infer,
    evaluate,
    vjp,
  },
]
