/** Constants, copies, states and sequences of numbers: operations that make or pass on data. */

import type { Dtype } from '../ir.js'
import { tensorType } from '../literals.js'
import { ANY, computed, elements, moved, NUMBERS, operand, option } from './operands.js'
import { type Call, OpError, type OpRow } from './row.js'

const EVERY: readonly Dtype[] = [...ANY, 'bf16', 'fp64', 'uint32', 'string']

/** The same tensor under another name. */
function copy(op: string, name: string, row: Pick<OpRow, 'opset'> & { more?: OpRow['operands'] }): OpRow {
  return {
    op,
    opset: row.opset,
    operands: [operand(name, EVERY), ...(row.more ?? [])],
    infer: (call) => [call.type(name)],
    evaluate(call) {
      const out = moved(call, call.tensor(name))
      out.data.set(elements(call.tensor(name)))
      return [out]
    },
    vjp: (call) => (call.dy[0] && call.needs(name) ? { [name]: call.dy[0] } : {}),
  }
}

const constRow: OpRow = {
  op: 'const',
  opset: 'ios15',
  operands: [
    {
      name: 'val',
      types: [...EVERY, 'int4', 'int64', 'uint1', 'uint2', 'uint3', 'uint4', 'uint6', 'uint64'],
      constant: true,
    },
  ],
  infer: (call) => [call.type('val')],
  evaluate: (call) => [call.tensor('val')],
}

/** The interpreter stores the data in the state; there is no result. */
const writeState: OpRow = {
  op: 'write_state',
  opset: 'ios18',
  operands: [operand('input', EVERY), operand('data', EVERY)],
  infer(call) {
    const [input, data] = [call.type('input'), call.type('data')]
    if (input.dtype !== data.dtype || input.shape.some((dim, axis) => dim !== data.shape[axis])) {
      throw new OpError(
        `Expected ${input.dtype} [${input.shape}] of the state for data, got ${data.dtype} [${data.shape}].`,
      )
    }
    return []
  },
  evaluate(call) {
    elements(call.tensor('input')).set(elements(call.tensor('data')))
    return []
  },
}

function rangeLength(call: Call): number | null {
  const [start, end, step] = ['start', 'end', 'step'].map((name) => call.numbers(name)?.[0])
  if (start === undefined || end === undefined || step === undefined) return null
  if (step === 0) throw new OpError('Expected a non-zero number for step, got 0.')
  return Math.max(0, Math.ceil((end - start) / step))
}

const range1d: OpRow = {
  op: 'range_1d',
  opset: 'ios15',
  operands: [operand('end', 'T'), operand('start', 'T'), operand('step', 'T')],
  types: { T: NUMBERS },
  infer: (call) => [tensorType(call.type('start').dtype, [rangeLength(call)])],
  evaluate(call) {
    const [start, step] = [call.number('start'), call.number('step')]
    const out = computed(call)
    for (let i = 0; i < out.data.length; i++) out.data[i] = start + i * step
    return [out]
  },
}

const fill: OpRow = {
  op: 'fill',
  opset: 'ios15',
  operands: [operand('shape', ['int32']), option('value', 'T', 0)],
  types: { T: ANY },
  infer(call) {
    const shape = call.numbers('shape')
    const rank = call.type('shape').shape[0] ?? 1
    const dtype = call.has('value') ? call.type('value').dtype : 'fp32'
    return [tensorType(dtype, shape ?? new Array<null>(rank).fill(null))]
  },
  evaluate(call) {
    const out = computed(call)
    out.data.fill(call.number('value'))
    return [out]
  },
}

const fillLike: OpRow = {
  op: 'fill_like',
  opset: 'ios16',
  operands: [operand('ref_tensor', 'T'), option('value', 'U', 0)],
  types: { T: ANY, U: ANY },
  infer(call) {
    return [tensorType(call.has('value') ? call.type('value').dtype : 'fp32', call.type('ref_tensor').shape)]
  },
  evaluate: fill.evaluate,
}

export const data: readonly OpRow[] = [
  constRow,
  copy('identity', 'x', { opset: 'ios15' }),
  copy('read_state', 'input', { opset: 'ios18' }),
  writeState,
  copy('tensor_buffer_to_tensor', 'input', { opset: 'ios17' }),
  copy('tensor_to_tensor_buffer', 'input', {
    opset: 'ios17',
    more: [option('strides', ['int64', 'int32']), option('interleave_factors', ['uint8', 'int32'])],
  }),
  range1d,
  fill,
  fillLike,
]
