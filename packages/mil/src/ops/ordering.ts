/** Sorting, running sums and triangles: operations whose results depend on positions along an axis. */

import type { Dtype } from '../ir.js'
import { tensorType } from '../literals.js'
import { elementCount } from '../tensor.js'
import { ANY, computed, elements, INTEGERS, moved, NUMBERS, operand, option } from './operands.js'
import { type Call, type EvalCall, OpError, type OpRow } from './row.js'
import { axisOf, needRank } from './shapes.js'

const DIRECTION = [option('axis', ['int32'], -1), option('ascending', ['bool'], false)]

/** Calls `visit` with the first element and the step of every line along the axis. */
function lines(call: EvalCall, visit: (start: number, step: number, count: number) => void): void {
  const { shape } = call.tensor('x')
  const axis = axisOf(call.number('axis'), shape.length)
  const [count, step] = [shape[axis], elementCount(shape.slice(axis + 1))]
  for (let block = 0; block < elementCount(shape); block += count * step) {
    for (let i = 0; i < step; i++) visit(block + i, step, count)
  }
}

/** Below 0 where a comes first; NaN is larger than all numbers and equal to itself. */
function compare(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return a < b ? -1 : Number(a > b)
}

/** Positions along one line in order of their elements; equal elements keep theirs. */
function order(x: ArrayLike<number>, start: number, step: number, count: number, ascending: boolean): number[] {
  const sign = ascending ? 1 : -1
  const at = (i: number) => x[start + i * step]
  return Array.from({ length: count }, (_, i) => i).sort((a, b) => sign * compare(at(a), at(b)) || a - b)
}

const argsort: OpRow = {
  op: 'argsort',
  opset: 'ios15',
  operands: [operand('x', 'T'), ...DIRECTION],
  types: { T: NUMBERS },
  infer(call) {
    const { shape } = call.type('x')
    axisOf(call.number('axis'), shape.length)
    return [tensorType('int32', shape)]
  },
  evaluate(call) {
    const x = elements(call.tensor('x'))
    const out = computed(call)
    const ascending = call.flag('ascending')
    lines(call, (start, step, count) => {
      for (const [i, from] of order(x, start, step, count, ascending).entries()) out.data[start + i * step] = from
    })
    return [out]
  },
}

const topk: OpRow = {
  op: 'topk',
  opset: 'ios15',
  operands: [
    operand('x', 'T'),
    option('k', INTEGERS, 1),
    ...DIRECTION,
    option('sort', ['bool'], true),
    option('return_indices', ['bool'], true),
    option('output_indices_dtype', ['string'], 'int32'),
  ],
  types: { T: [...NUMBERS, 'int8', 'uint8', 'int16', 'uint16'] },
  infer(call) {
    const { dtype, shape } = call.type('x')
    const axis = axisOf(call.number('axis'), shape.length)
    const [k, dim] = [call.number('k'), shape[axis]]
    if (k < 1 || (dim !== null && k > dim)) throw new OpError(`Expected 1 to ${dim ?? '?'} for k, got ${k}.`)
    const cut = shape.with(axis, k)
    const indices = tensorType(call.text('output_indices_dtype') as Dtype, cut)
    return call.flag('return_indices') ? [tensorType(dtype, cut), indices] : [tensorType(dtype, cut)]
  },
  evaluate(call) {
    const x = call.tensor('x')
    const data = elements(x)
    const values = moved(call, x)
    const indices = call.results.length > 1 ? computed(call, 1) : undefined
    const [k, ascending] = [call.number('k'), call.flag('ascending')]
    lines(call, (start, step, count) => {
      const block = Math.floor(start / (count * step)) * k * step + (start % step)
      for (const [i, from] of order(data, start, step, count, ascending).slice(0, k).entries()) {
        values.data[block + i * step] = data[start + from * step]
        if (indices) indices.data[block + i * step] = from
      }
    })
    return indices ? [values, indices] : [values]
  },
}

const cumsum: OpRow = {
  op: 'cumsum',
  opset: 'ios15',
  operands: [
    operand('x', 'T'),
    option('axis', ['int32'], 0),
    option('exclusive', ['bool'], false),
    option('reverse', ['bool'], false),
  ],
  types: { T: NUMBERS },
  infer(call) {
    axisOf(call.number('axis'), call.type('x').shape.length)
    return [call.type('x')]
  },
  evaluate(call) {
    const x = elements(call.tensor('x'))
    const out = computed(call)
    const [exclusive, backwards] = [call.flag('exclusive'), call.flag('reverse')]
    lines(call, (start, step, count) => {
      let total = 0
      for (let i = 0; i < count; i++) {
        const at = start + (backwards ? count - 1 - i : i) * step
        out.data[at] = exclusive ? total : total + x[at]
        total += x[at]
      }
    })
    return [out]
  },
}

function bounds(call: Call): [number, number] {
  return [call.number('lower'), call.number('upper')]
}

/** Keeps `lower` diagonals below and `upper` above the main one; a negative number keeps all. */
const bandPart: OpRow = {
  op: 'band_part',
  opset: 'ios15',
  operands: [operand('x', 'T'), option('lower', ['int32'], -1), option('upper', ['int32'], -1)],
  types: { T: ANY },
  infer(call) {
    needRank(call.type('x'), 2, Infinity, 'x')
    return [call.type('x')]
  },
  evaluate(call) {
    const x = call.tensor('x')
    const data = elements(x)
    const out = moved(call, x)
    const [lower, upper] = bounds(call)
    const [rows, columns] = x.shape.slice(-2)
    for (let i = 0; i < data.length; i++) {
      const below = (Math.floor(i / columns) % rows) - (i % columns)
      if ((lower < 0 || below <= lower) && (upper < 0 || -below <= upper)) out.data[i] = data[i]
    }
    return [out]
  },
}

export const orderings: readonly OpRow[] = [argsort, topk, cumsum, bandPart]
