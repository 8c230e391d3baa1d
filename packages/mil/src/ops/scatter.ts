/** Writing elements by index tensors; repeated indices accumulate in order, rounded once at the end. */

import { elementCount, type Tensor } from '../tensor.js'
import { alongStarts, axisStarts, ndStarts } from './gather.js'
import { computed, elements, INTEGERS, NUMBERS, operand, option } from './operands.js'
import { type Call, type EvalCall, OpError, type OpRow } from './row.js'
import { axisOf, needRank, sameDim, spell } from './shapes.js'

const MODES: Record<string, (old: number, update: number) => number> = {
  add: (old, update) => old + update,
  sub: (old, update) => old - update,
  mul: (old, update) => old * update,
  div: (old, update) => old / update,
  max: Math.max,
  min: Math.min,
  update: (_, update) => update,
}

function modeOf(call: Call): (old: number, update: number) => number {
  const mode = call.text('mode')
  if (!Object.hasOwn(MODES, mode)) throw new OpError(`Expected ${Object.keys(MODES).join(', ')} for mode, got ${mode}.`)
  return MODES[mode]
}

interface Scatter {
  axis: boolean
  /** Shape the updates have to have. */
  updates(call: Call): readonly (number | null)[]
  /** Start of each updated run of `size` elements. */
  starts(call: EvalCall, data: Tensor, indices: Tensor): { starts: Int32Array; size: number }
}

function scatter(op: string, { axis, updates, starts }: Scatter): OpRow {
  return {
    op,
    opset: 'ios15',
    operands: [
      operand('data', 'T'),
      operand('indices', 'I'),
      operand('updates', 'T'),
      ...(axis ? [option('axis', ['int32'], 0)] : []),
      option('mode', ['string'], 'add'),
      option('validate_indices', ['bool'], false),
    ],
    types: { T: NUMBERS, I: INTEGERS },
    infer(call) {
      modeOf(call)
      const [wanted, given] = [updates(call), call.type('updates').shape]
      if (wanted.length !== given.length)
        throw new OpError(`Expected ${spell(wanted)} for updates, got ${spell(given)}.`)
      for (const [i, dim] of wanted.entries()) sameDim(dim, given[i], `axis ${i} of updates`)
      return [call.type('data')]
    },
    evaluate(call) {
      const data = call.tensor('data')
      const out = computed(call)
      out.data.set(elements(data))
      const update = elements(call.tensor('updates'))
      const combine = modeOf(call)
      const runs = starts(call, data, call.tensor('indices'))
      for (const [i, start] of runs.starts.entries()) {
        for (let j = 0; j < runs.size; j++) {
          out.data[start + j] = combine(out.data[start + j], update[i * runs.size + j])
        }
      }
      return [out]
    },
  }
}

function axisIn(call: Call): number {
  return axisOf(call.number('axis'), call.type('data').shape.length)
}

export const scatters: readonly OpRow[] = [
  scatter('scatter', {
    axis: true,
    updates(call) {
      const [{ shape }, axis] = [call.type('data'), axisIn(call)]
      return [...shape.slice(0, axis), ...call.type('indices').shape, ...shape.slice(axis + 1)]
    },
    starts: (call, { shape }, indices) => ({
      starts: axisStarts(shape, indices, axisIn(call)),
      size: elementCount(shape.slice(axisIn(call) + 1)),
    }),
  }),
  scatter('scatter_along_axis', {
    axis: true,
    updates(call) {
      const [data, indices, axis] = [call.type('data').shape, call.type('indices').shape, axisIn(call)]
      if (indices.length !== data.length)
        throw new OpError(`Expected rank ${data.length} for indices, got ${spell(indices)}.`)
      return data.map((dim, i) => (i === axis ? indices[i] : sameDim(dim, indices[i], `axis ${i} of indices`)))
    },
    starts: (call, { shape }, indices) => ({
      starts: alongStarts(shape, indices, axisIn(call), indices.shape),
      size: 1,
    }),
  }),
  scatter('scatter_nd', {
    axis: false,
    updates(call) {
      const [{ shape }, indices] = [call.type('data'), call.type('indices')]
      needRank(indices, 1, Infinity, 'indices')
      const depth = indices.shape.at(-1) ?? 0
      if (depth > shape.length)
        throw new OpError(`Expected at most ${shape.length} for the last axis of indices, got ${depth}.`)
      return [...indices.shape.slice(0, -1), ...shape.slice(depth)]
    },
    starts: (_, { shape }, indices) => ({
      starts: ndStarts(shape, indices),
      size: elementCount(shape.slice(indices.shape.at(-1)!)),
    }),
  }),
]
