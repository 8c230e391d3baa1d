/** Surrounding a tensor with more elements. */

import { tensorType } from '../literals.js'
import { isFloat, offsetsOf, stridesOf, type Tensor } from '../tensor.js'
import { operandShape } from './gradients.js'
import { ANY, elements, FLOATS, moved, operand, option } from './operands.js'
import { type Call, type EvalCall, OpError, type OpRow } from './row.js'
import { picked } from './shape.js'

/** Numbers of elements before and after each axis; `pad` covers the last axes. */
function padding(call: Call): { before: number[]; after: number[] } | undefined {
  const { shape } = call.type('x')
  const pad = call.numbers('pad')
  if (!pad) return undefined
  if (pad.length % 2 || pad.length > 2 * shape.length) {
    throw new OpError(`Expected pairs for at most ${shape.length} axes for pad, got ${pad.length} numbers.`)
  }
  const first = shape.length - pad.length / 2
  return {
    before: shape.map((_, axis) => (axis < first ? 0 : pad[2 * (axis - first)])),
    after: shape.map((_, axis) => (axis < first ? 0 : pad[2 * (axis - first) + 1])),
  }
}

/** Input index along one axis for an index that may lie outside: -1 where the constant belongs. */
function padSource(index: number, dim: number, mode: string): number {
  if (index >= 0 && index < dim) return index
  if (mode === 'constant') return -1
  if (mode === 'replicate') return index < 0 ? 0 : dim - 1
  return index < 0 ? -index : 2 * (dim - 1) - index
}

function evaluatePad(call: EvalCall): Tensor[] {
  const x = call.tensor('x')
  const { before, after } = padding(call)!
  const mode = call.text('mode')
  if (mode === 'constant') {
    const out = moved(call, x)
    out.data.fill(call.number('constant_val'))
    const strides = stridesOf(out.shape)
    const start = before.reduce((sum, count, axis) => sum + count * strides[axis], 0)
    const [source, offsets] = [elements(x), offsetsOf(x.shape, strides, start)]
    for (let i = 0; i < source.length; i++) out.data[offsets[i]] = source[i]
    return [out]
  }
  let offsets = new Int32Array(1)
  for (const [axis, stride] of stridesOf(x.shape).entries()) {
    const count = x.shape[axis] + before[axis] + after[axis]
    const next = new Int32Array(offsets.length * count)
    for (let i = 0; i < next.length; i++) {
      const index = padSource((i % count) - before[axis], x.shape[axis], mode)
      next[i] = offsets[Math.floor(i / count)] + index * stride
    }
    offsets = next
  }
  return picked(call, x, offsets)
}

const PAD_MODES = ['constant', 'reflect', 'replicate']

const pad: OpRow = {
  op: 'pad',
  opset: 'ios15',
  operands: [
    operand('x', 'T'),
    operand('pad', ['int32']),
    option('mode', ['string'], 'constant'),
    option('constant_val', 'U', 0),
  ],
  types: { T: ANY, U: [...FLOATS, 'int32'] },
  infer(call) {
    const { dtype, shape } = call.type('x')
    const mode = call.text('mode')
    if (!PAD_MODES.includes(mode)) throw new OpError(`Expected ${PAD_MODES.join(', ')} for mode, got ${mode}.`)
    const value = call.number('constant_val')
    if (!isFloat(dtype) && !Number.isInteger(value))
      throw new OpError(`Expected a number of ${dtype} for constant_val, got ${value}.`)
    const amounts = padding(call)
    if (!amounts)
      return [
        tensorType(
          dtype,
          shape.map(() => null),
        ),
      ]
    const { before, after } = amounts
    for (const [axis, dim] of shape.entries()) {
      const most = Math.max(before[axis], after[axis])
      if (Math.min(before[axis], after[axis]) < 0)
        throw new OpError(`Expected non-negative numbers for pad, got [${before}] and [${after}].`)
      if (dim === null || most === 0) continue
      if (mode === 'reflect' && most >= dim)
        throw new OpError(`Expected less than ${dim} for pad of axis ${axis}, got ${most}.`)
    }
    return [
      tensorType(
        dtype,
        shape.map((dim, axis) => (dim === null ? null : dim + before[axis] + after[axis])),
      ),
    ]
  },
  evaluate: evaluatePad,
  vjp(call) {
    const dy = call.dy[0]
    const amounts = padding(call)
    if (!dy || !amounts || !call.needs('x')) return {}
    if (call.text('mode') !== 'constant') throw new OpError(`Expected constant for mode, got ${call.text('mode')}.`)
    return { x: call.b.op('slice_by_size', { x: dy, begin: amounts.before, size: operandShape(call, 'x') }) }
  },
}

export const pads: readonly OpRow[] = [pad]
