/** Softmax and scaled dot-product attention. */

import { tensorType } from '../literals.js'
import { broadcastStrides, elementCount, offsetsOf, type Tensor } from '../tensor.js'
import { product } from './elementwise-unary.js'
import { gemm, matrix } from './gemm.js'
import { computed, elements, FLOATS, type NumberArray, operand, option } from './operands.js'
import { type Call, type EvalCall, OpError, type OpRow } from './row.js'
import { axisOf, broadcast, needRank, sameDim, spell } from './shapes.js'

/** Sets `out` to the softmax of `count` elements of `x`, `step` apart from `start`. */
function softmaxOver(x: NumberArray, out: NumberArray, start: number, count: number, step: number): void {
  let peak = -Infinity
  for (let i = 0, at = start; i < count; i++, at += step) peak = Math.max(peak, x[at])
  let total = 0
  for (let i = 0, at = start; i < count; i++, at += step) total += out[at] = Math.exp(x[at] - peak)
  for (let i = 0, at = start; i < count; i++, at += step) out[at] /= total
}

const softmax: OpRow = {
  op: 'softmax',
  opset: 'ios15',
  operands: [operand('x', 'T'), option('axis', ['int32'], -1)],
  types: { T: FLOATS },
  infer(call) {
    axisOf(call.number('axis'), call.type('x').shape.length)
    return [call.type('x')]
  },
  evaluate(call) {
    const x = call.tensor('x')
    const axis = axisOf(call.number('axis'), x.shape.length)
    const [count, step] = [x.shape[axis], elementCount(x.shape.slice(axis + 1))]
    const data = elements(x)
    const out = computed(call)
    for (let block = 0; block < data.length; block += count * step) {
      for (let i = 0; i < step; i++) softmaxOver(data, out.data, block + i, count, step)
    }
    return [out]
  },
  vjp(call) {
    const { b } = call
    const dy = call.dy[0]
    if (!dy || !call.needs('x')) return {}
    const axes = [axisOf(call.number('axis'), call.type('x').shape.length)]
    const y = call.y[0]
    const weighted = b.op('reduce_sum', { x: product(b, dy, y), axes, keep_dims: true })
    return { x: product(b, b.op('sub', { x: dy, y: weighted }), y) }
  },
}

function inferAttention(call: Call) {
  const [query, key, value] = [call.type('query'), call.type('key'), call.type('value')]
  for (const [name, type] of Object.entries({ query, key, value })) needRank(type, 3, Infinity, name)
  const rank = query.shape.length
  if (key.shape.length !== rank || value.shape.length !== rank)
    throw new OpError(`Expected rank ${rank} for key and value, got another.`)
  const batch = query.shape
    .slice(0, -2)
    .map((dim, i) => sameDim(sameDim(dim, key.shape[i], `axis ${i} of key`), value.shape[i], `axis ${i} of value`))
  sameDim(query.shape.at(-1)!, key.shape.at(-1)!, 'the last axis of key')
  const keys = sameDim(key.shape.at(-2)!, value.shape.at(-2)!, 'the sequence length of value')
  if (call.has('attn_mask')) {
    const scores = [...batch, query.shape.at(-2)!, keys]
    const { shape } = call.type('attn_mask')
    const larger = broadcast(scores, shape).some((dim, axis) => scores[axis] === 1 && dim !== 1)
    if (larger || shape.length > scores.length)
      throw new OpError(`Expected a shape that broadcasts to ${spell(scores)} for attn_mask, got ${spell(shape)}.`)
  }
  return [tensorType(query.dtype, [...batch, query.shape.at(-2)!, value.shape.at(-1)!])]
}

/** softmax(query · keyᵀ / sqrt(E) + mask) · value; a bool mask keeps where it is true. */
function evaluateAttention(call: EvalCall): Tensor[] {
  const [query, key, value] = [call.tensor('query'), call.tensor('key'), call.tensor('value')]
  const [L, E] = query.shape.slice(-2)
  const [S, EV] = value.shape.slice(-2)
  const mask = call.has('attn_mask') ? call.tensor('attn_mask') : undefined
  const full = [...query.shape.slice(0, -2), L, S]
  const maskAt = mask && offsetsOf(full, broadcastStrides(mask.shape, full))
  const out = computed(call)
  for (let batch = 0; batch < elementCount(full) / (L * S); batch++) {
    const scores = new Float64Array(L * S)
    gemm(matrix(elements(query), batch * L * E, E), matrix(elements(key), batch * S * E, E, true), scores, 0, L, E, S)
    for (let i = 0; i < scores.length; i++) {
      scores[i] /= Math.sqrt(E)
      if (!mask || !maskAt) continue
      const own = elements(mask)[maskAt[batch * L * S + i]]
      scores[i] = mask.dtype !== 'bool' ? scores[i] + own : own ? scores[i] : -Infinity
    }
    for (let row = 0; row < L; row++) softmaxOver(scores, scores, row * S, S, 1)
    const target = out.data as Float64Array
    gemm(matrix(scores, 0, S), matrix(elements(value), batch * S * EV, EV), target, batch * L * EV, L, S, EV)
  }
  return [out]
}

export const attention: readonly OpRow[] = [
  softmax,
  {
    op: 'scaled_dot_product_attention',
    opset: 'ios18',
    operands: [
      operand('query', 'T'),
      operand('key', 'T'),
      operand('value', 'T'),
      { name: 'attn_mask', types: ['bool', ...FLOATS], optional: true },
    ],
    types: { T: FLOATS },
    infer: inferAttention,
    evaluate: evaluateAttention,
  },
]
