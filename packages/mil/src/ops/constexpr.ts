/** Compressed weights: constants whose elements are computed when the program is compiled. */

import type { Dtype } from '../ir.js'
import { tensorType } from '../literals.js'
import { offsetsOf, stridesOf, type Tensor } from '../tensor.js'
import { computed, constant, elements, FLOATS, moved, type NumberArray, option } from './operands.js'
import { type Call, OpError, type OpRow } from './row.js'
import { axisOf, knownShape, spell } from './shapes.js'

const UNSIGNED: readonly Dtype[] = ['uint1', 'uint2', 'uint3', 'uint4', 'uint6', 'uint8']
const STORED: readonly Dtype[] = ['int4', 'uint4', 'int8', 'uint8', ...FLOATS]
const TABLES: readonly Dtype[] = ['int8', 'uint8', ...FLOATS]

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

/**
 * Reads `count` numbers of `bits` bits packed from the least significant bit of each byte, across byte borders.
 *
 * @throws {OpError} if there are too few bytes
 */
function unpack(bytes: NumberArray, bits: number, count: number): Uint8Array {
  if (bytes.length * 8 < bits * count) {
    throw new OpError(`Expected at least ${Math.ceil((bits * count) / 8)} packed bytes, got ${bytes.length}.`)
  }
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
    constant('lut', TABLES),
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
      const bits = Math.log2(table.length)
      if (![1, 2, 4, 6, 8].includes(bits)) {
        throw new OpError(`Expected 2, 4, 16, 64 or 256 entries for lut, got ${table.length}.`)
      }
      const index = unpack(elements(indices), bits, out.data.length)
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
  infer(call) {
    const dtype = call.text('output_dtype') as Dtype
    if (!FLOATS.includes(dtype)) throw new OpError(`Expected fp16 or fp32 for output_dtype, got ${dtype}.`)
    return [tensorType(dtype, call.type('source_val').shape)]
  },
  evaluate(call) {
    const out = computed(call)
    out.data.set(elements(call.tensor('source_val')))
    return [out]
  },
}

export const compressedWeights: readonly OpRow[] = [blockwiseShiftScale, lutToDense, sparseToDense, constexprCast]
