/** Affine quantisation: integer levels around a zero point. */

import type { Dim, Dtype } from '../ir.js'
import { tensorType } from '../literals.js'
import { broadcastStrides, elementCount, offsetsOf } from '../tensor.js'
import { roundHalfEven } from './elementwise-unary.js'
import { computed, constant, elements, FLOATS, operand, option } from './operands.js'
import { type Call, type EvalCall, OpError, type OpRow } from './row.js'
import { axisOf, sameDim, spell } from './shapes.js'

const BYTES: readonly Dtype[] = ['uint8', 'int8']

/** A parameter per slice along the axis, or one for all, as the offsets that read it for each element of `shape`. */
function parameterOffsets(call: EvalCall, name: string, shape: readonly number[]): Int32Array {
  const own = call.has(name) ? call.type(name).shape : []
  const count = elementCount(own as readonly number[])
  if (count === 1) return new Int32Array(elementCount(shape))
  const axis = axisOf(call.number('axis'), shape.length)
  return offsetsOf(
    shape,
    broadcastStrides(
      shape.map((_, i) => (i === axis ? count : 1)),
      shape,
    ),
  )
}

/** Requires a scalar, or a vector as long as the axis it belongs to. */
function checkParameter(call: Call, name: string, shape: readonly Dim[]): void {
  if (!call.has(name)) return
  const own = call.type(name).shape
  if (own.length > 1) throw new OpError(`Expected a scalar or a vector for ${name}, got ${spell(own)}.`)
  if (own.length === 0 || own[0] === 1) return
  sameDim(shape[axisOf(call.number('axis'), shape.length)], own[0], `the length of ${name}`)
}

const PARAMETERS = [option('axis', ['int32'])]

const quantize: OpRow = {
  op: 'quantize',
  opset: 'ios17',
  operands: [
    operand('input', 'T'),
    option('zero_point', BYTES),
    constant('scale', 'T'),
    ...PARAMETERS,
    constant('output_dtype', ['string']),
  ],
  types: { T: FLOATS },
  infer(call) {
    const { shape } = call.type('input')
    const dtype = call.text('output_dtype') as Dtype
    if (!BYTES.includes(dtype)) throw new OpError(`Expected int8 or uint8 for output_dtype, got ${dtype}.`)
    for (const name of ['scale', 'zero_point']) checkParameter(call, name, shape)
    if (call.has('zero_point') && call.type('zero_point').dtype !== dtype) {
      throw new OpError(`Expected ${dtype} for zero_point, got ${call.type('zero_point').dtype}.`)
    }
    return [tensorType(dtype, shape)]
  },
  evaluate(call) {
    const input = call.tensor('input')
    const [data, scale] = [elements(input), elements(call.tensor('scale'))]
    const zero = call.has('zero_point') ? elements(call.tensor('zero_point')) : new Int8Array(1)
    const [atScale, atZero] = ['scale', 'zero_point'].map((name) => parameterOffsets(call, name, input.shape))
    const out = computed(call)
    const [least, most] = out.dtype === 'int8' ? [-128, 127] : [0, 255]
    for (let i = 0; i < data.length; i++) {
      const level = roundHalfEven(data[i] / scale[atScale[i]]) + zero[atZero[i]]
      out.data[i] = Math.min(most, Math.max(least, level))
    }
    return [out]
  },
}

function affine(op: string, input: string, row: Pick<OpRow, 'opset' | 'operands'>): OpRow {
  return {
    op,
    ...row,
    types: { T: BYTES, U: FLOATS },
    infer(call) {
      const { shape } = call.type(input)
      for (const name of ['scale', 'zero_point']) checkParameter(call, name, shape)
      return [tensorType(call.type('scale').dtype, shape)]
    },
    evaluate(call) {
      const quantized = call.tensor(input)
      const [data, scale] = [elements(quantized), elements(call.tensor('scale'))]
      const zero = call.has('zero_point') ? elements(call.tensor('zero_point')) : new Int8Array(1)
      const [atScale, atZero] = ['scale', 'zero_point'].map((name) => parameterOffsets(call, name, quantized.shape))
      const out = computed(call)
      for (let i = 0; i < data.length; i++) out.data[i] = scale[atScale[i]] * (data[i] - zero[atZero[i]])
      return [out]
    },
  }
}

export const quantizations: readonly OpRow[] = [
  quantize,
  affine('dequantize', 'input', {
    opset: 'ios17',
    operands: [operand('input', 'T'), option('zero_point', 'T'), constant('scale', 'U'), ...PARAMETERS],
  }),
  affine('constexpr_affine_dequantize', 'quantized_data', {
    opset: 'ios16',
    operands: [
      constant('quantized_data', 'T'),
      constant('zero_point', [...BYTES, 'fp32']),
      constant('scale', 'U'),
      constant('axis', ['int32']),
    ],
  }),
]
