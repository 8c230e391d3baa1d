/** Quantised activations and compressed weights. */

import type { Dim, Dtype } from '../ir.js'
import { broadcastStrides, elementCount, offsetsOf, stridesOf, type Tensor } from '../tensor.js'
import { roundHalfEven } from './elementwise-unary.js'
import {
  computed,
  constant,
  elements,
  FLOATS,
  moved,
  type NumberArray,
  operand,
  option,
  tensorType,
} from './operands.js'
import { type Call, type EvalCall, OpError, type OpRow } from './row.js'
import { axisOf, knownShape, sameDim, spell } from './shapes.js'

const BYTES: readonly Dtype[] = ['uint8', 'int8']
const UNSIGNED: readonly Dtype[] = ['uint1', 'uint2', 'uint3', 'uint4', 'uint6', 'uint8']
const STORED: readonly Dtype[] = ['int4', 'uint4', ...BYTES, ...FLOATS]

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

const blockwiseShiftScale: OpRow = {
  op: 'constexpr_blockwise_shift_scale',
  opset: 'ios18',
  operands: [constant('data', STORED), constant('scale', FLOATS), option('offset', STORED)],
  infer(call) {
    const [data, scale] = [call.type('data'), call.type('scale')]
    for (const name of ['scale', 'offset']) {
      if (!call.has(name)) continue
      const own = knownShape(call.type(name), name)
      const fits = knownShape(data, 'data').every((dim, axis) => dim % own[axis] === 0)
      if (own.length !== data.shape.length || !fits) {
        throw new OpError(`Expected divisors of ${spell(data.shape)} for the shape of ${name}, got ${spell(own)}.`)
      }
    }
    return [tensorType(scale.dtype, data.shape)]
  },
  evaluate(call) {
    const data = call.tensor('data')
    const blocks = (name: string) => {
      const { shape } = call.tensor(name)
      const apart = shape.flatMap((count, axis) => [count, data.shape[axis] / count])
      return offsetsOf(
        apart,
        stridesOf(shape).flatMap((stride) => [stride, 0]),
      )
    }
    const [scale, atScale] = [elements(call.tensor('scale')), blocks('scale')]
    const offset = call.has('offset') ? elements(call.tensor('offset')) : undefined
    const atOffset = offset && blocks('offset')
    const [source, out] = [elements(data), computed(call)]
    for (let i = 0; i < source.length; i++) {
      out.data[i] = scale[atScale[i]] * (source[i] - (offset && atOffset ? offset[atOffset[i]] : 0))
    }
    return [out]
  },
}

/** Reads `count` numbers of `bits` bits packed from the least significant bit of each byte, across byte borders. */
function unpack(bytes: NumberArray, bits: number, count: number): Uint8Array {
  const out = new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    for (let bit = 0; bit < bits; bit++) {
      const at = i * bits + bit
      out[i] |= ((bytes[at >> 3] >> (at & 7)) & 1) << bit
    }
  }
  return out
}

function listedShape(call: Call): number[] {
  const shape = call.numbers('shape')
  if (!shape) throw new OpError('Expected a constant for shape, got none.')
  return [...shape]
}

/** ios16: one table, packed indices, `shape` given. ios18: one table per block of the index tensor. */
const lutToDense: OpRow = {
  op: 'constexpr_lut_to_dense',
  opset: 'ios16',
  operands: [
    constant('indices', UNSIGNED),
    constant('lut', [...BYTES, ...FLOATS]),
    option('shape', ['uint32']),
    option('vector_axis', ['int32']),
  ],
  infer(call) {
    const lut = call.type('lut')
    if (call.has('shape')) return [tensorType(lut.dtype, listedShape(call))]
    const indices = call.type('indices')
    const [vector] = knownShape(lut, 'lut').slice(-1)
    if (lut.shape.length !== indices.shape.length + 2) {
      throw new OpError(`Expected rank ${indices.shape.length + 2} for lut, got ${spell(lut.shape)}.`)
    }
    if (vector === 1) return [tensorType(lut.dtype, indices.shape)]
    const axis = axisOf(call.number('vector_axis'), indices.shape.length)
    const grown = knownShape(indices, 'indices')
    return [tensorType(lut.dtype, grown.with(axis, grown[axis] * vector))]
  },
  evaluate(call) {
    const [indices, lut] = [call.tensor('indices'), call.tensor('lut')]
    const [table, out] = [elements(lut), moved(call, lut)]
    if (call.has('shape')) {
      const index = unpack(elements(indices), Math.log2(table.length), out.data.length)
      for (let i = 0; i < index.length; i++) out.data[i] = table[index[i]]
      return [out]
    }
    const blocks = lut.shape.slice(0, -2)
    const [entries, vector] = lut.shape.slice(-2)
    const axis = vector === 1 ? 0 : axisOf(call.number('vector_axis'), indices.shape.length)
    const apart = (dims: readonly number[]) => blocks.flatMap((count, i) => [count, dims[i] / count])
    const blockAt = offsetsOf(
      apart(out.shape),
      stridesOf(blocks).flatMap((stride) => [stride, 0]),
    )
    const own = stridesOf(indices.shape)
    const split = out.shape.flatMap((dim, i) => (i === axis ? [dim / vector, vector] : [dim]))
    const indexAt = offsetsOf(
      split,
      own.flatMap((stride, i) => (i === axis ? [stride, 0] : [stride])),
    )
    const lane = offsetsOf(
      split,
      own.flatMap((_, i) => (i === axis ? [0, 1] : [0])),
    )
    const index = elements(indices)
    for (let i = 0; i < out.data.length; i++) {
      out.data[i] = table[(blockAt[i] * entries + index[indexAt[i]]) * vector + lane[i]]
    }
    return [out]
  },
}

/** ios16: a packed bit mask and `shape`. ios18: a mask tensor. */
const sparseToDense: OpRow = {
  op: 'constexpr_sparse_to_dense',
  opset: 'ios16',
  operands: [constant('nonzero_data', STORED), constant('mask', ['uint8', 'uint1']), option('shape', ['uint32'])],
  infer(call) {
    const { dtype } = call.type('nonzero_data')
    return [tensorType(dtype, call.has('shape') ? listedShape(call) : call.type('mask').shape)]
  },
  evaluate(call): Tensor[] {
    const values = call.tensor('nonzero_data')
    const out = moved(call, values)
    const stored = elements(call.tensor('mask'))
    const mask = call.has('shape') ? unpack(stored, 1, out.data.length) : stored
    const data = elements(values)
    let next = 0
    for (let i = 0; i < mask.length; i++) if (mask[i]) out.data[i] = data[next++]
    if (next !== data.length) throw new OpError(`Expected ${next} elements for nonzero_data, got ${data.length}.`)
    return [out]
  },
}

const constexprCast: OpRow = {
  op: 'constexpr_cast',
  opset: 'ios16',
  operands: [constant('source_val', FLOATS), constant('output_dtype', ['string'])],
  infer: (call) => [tensorType(call.text('output_dtype') as Dtype, call.type('source_val').shape)],
  evaluate(call) {
    const out = computed(call)
    out.data.set(elements(call.tensor('source_val')))
    return [out]
  },
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
      ...PARAMETERS,
    ],
  }),
  blockwiseShiftScale,
  lutToDense,
  sparseToDense,
  constexprCast,
]
