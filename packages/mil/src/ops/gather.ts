/** Selecting elements by index tensors. */

import { tensorType } from '../literals.js'
import { elementCount, offsetsOf, stridesOf, type Tensor } from '../tensor.js'
import { ANY, computed, elements, INTEGERS, moved, operand, option, resultShape } from './operands.js'
import { type Call, type EvalCall, OpError, type OpRow } from './row.js'
import { axisOf, knownShape, sameDim, spell } from './shapes.js'

const TYPES = { T: ANY, I: INTEGERS }
const AXIS = option('axis', ['int32'], 0)
const VALIDATE = option('validate_indices', ['bool'], false)

/** Counts an index from the start. @throws {OpError} if it is out of range: reading elsewhere would be a wrong number */
function indexOf(index: number, dim: number): number {
  if (index < -dim || index >= dim) throw new OpError(`Expected ${-dim} to ${dim - 1} for indices, got ${index}.`)
  return index < 0 ? index + dim : index
}

/** Copies `size` elements of `x` from each start in order. */
function runs(call: EvalCall, x: Tensor, starts: readonly number[] | Int32Array, size: number): Tensor[] {
  const out = moved(call, x)
  const data = elements(x)
  for (let i = 0; i < starts.length; i++) out.data.set(data.subarray(starts[i], starts[i] + size), i * size)
  return [out]
}

/** Where each slice across `axis` that `gather` and `scatter` address begins, in the order of the updates. */
export function axisStarts(shape: readonly number[], indices: Tensor, axis: number, batchDims = 0): Int32Array {
  const batch = elementCount(shape.slice(0, batchDims))
  const [size, dim] = [elementCount(shape.slice(axis + 1)), shape[axis]]
  const index = elements(indices)
  const [outer, perBatch] = [elementCount(shape.slice(0, axis)), index.length / batch]
  const starts = new Int32Array(outer * perBatch)
  for (let i = 0; i < starts.length; i++) {
    const row = Math.floor(i / perBatch)
    const own = Math.floor(row / (outer / batch)) * perBatch + (i % perBatch)
    starts[i] = (row * dim + indexOf(index[own], dim)) * size
  }
  return starts
}

/** Where each single element that the `_along_axis` operations address is; `result` is their common shape. */
export function alongStarts(
  shape: readonly number[],
  indices: Tensor,
  axis: number,
  result: readonly number[],
): Int32Array {
  const repeated = (own: readonly number[], skip = false) =>
    stridesOf(own).map((stride, i) => (own[i] === 1 || (skip && i === axis) ? 0 : stride))
  const base = offsetsOf(result, repeated(shape, true))
  const at = offsetsOf(result, repeated(indices.shape))
  const index = elements(indices)
  const step = stridesOf(shape)[axis]
  return base.map((start, i) => start + indexOf(index[at[i]], shape[axis]) * step)
}

/** Where each slice that the `_nd` operations address begins: the last axis of `indices` counts leading axes. */
export function ndStarts(shape: readonly number[], indices: Tensor, batchDims = 0): Int32Array {
  const depth = indices.shape.at(-1)!
  const strides = stridesOf(shape)
  const index = elements(indices)
  const starts = new Int32Array(elementCount(indices.shape.slice(0, -1)))
  const perBatch = starts.length / elementCount(shape.slice(0, batchDims))
  const batchSize = elementCount(shape.slice(batchDims))
  for (let i = 0; i < starts.length; i++) {
    starts[i] = Math.floor(i / perBatch) * batchSize
    for (let d = 0; d < depth; d++) {
      const axis = batchDims + d
      starts[i] += indexOf(index[i * depth + d], shape[axis]) * strides[axis]
    }
  }
  return starts
}

function batchDims(call: Call, most: number): number {
  const count = call.number('batch_dims')
  if (count < 0 || count > most) throw new OpError(`Expected 0 to ${most} for batch_dims, got ${count}.`)
  return count
}

const gather: OpRow = {
  op: 'gather',
  opset: 'ios15',
  operands: [operand('x', 'T'), operand('indices', 'I'), AXIS, option('batch_dims', ['int32'], 0), VALIDATE],
  types: TYPES,
  infer(call) {
    const [x, indices] = [call.type('x'), call.type('indices')]
    const axis = axisOf(call.number('axis'), x.shape.length)
    const batch = batchDims(call, Math.min(axis, indices.shape.length))
    for (let i = 0; i < batch; i++) sameDim(x.shape[i], indices.shape[i], `batch axis ${i} of indices`)
    const shape = [...x.shape.slice(0, axis), ...indices.shape.slice(batch), ...x.shape.slice(axis + 1)]
    return [tensorType(x.dtype, shape)]
  },
  evaluate(call) {
    const [x, indices] = [call.tensor('x'), call.tensor('indices')]
    const axis = axisOf(call.number('axis'), x.shape.length)
    const starts = axisStarts(x.shape, indices, axis, call.number('batch_dims'))
    return runs(call, x, starts, elementCount(x.shape.slice(axis + 1)))
  },
}

const gatherAlongAxis: OpRow = {
  op: 'gather_along_axis',
  opset: 'ios15',
  operands: [operand('x', 'T'), operand('indices', 'I'), AXIS, VALIDATE],
  types: TYPES,
  infer(call) {
    const [x, indices] = [call.type('x'), call.type('indices')]
    const axis = axisOf(call.number('axis'), x.shape.length)
    if (indices.shape.length !== x.shape.length) {
      throw new OpError(`Expected rank ${x.shape.length} for indices, got ${spell(indices.shape)}.`)
    }
    const shape = x.shape.map((dim, i) => {
      return i === axis ? indices.shape[i] : sameDim(dim, indices.shape[i], `axis ${i} of indices`)
    })
    return [tensorType(x.dtype, shape)]
  },
  evaluate(call) {
    const [x, indices] = [call.tensor('x'), call.tensor('indices')]
    const axis = axisOf(call.number('axis'), x.shape.length)
    return runs(call, x, alongStarts(x.shape, indices, axis, resultShape(call)), 1)
  },
}

const gatherNd: OpRow = {
  op: 'gather_nd',
  opset: 'ios15',
  operands: [operand('x', 'T'), operand('indices', 'I'), option('batch_dims', ['int32'], 0), VALIDATE],
  types: TYPES,
  infer(call) {
    const [x, indices] = [call.type('x'), call.type('indices')]
    const depth = knownShape(indices, 'indices').at(-1) ?? 0
    const batch = batchDims(call, indices.shape.length - 1)
    for (let i = 0; i < batch; i++) sameDim(x.shape[i], indices.shape[i], `batch axis ${i} of indices`)
    if (depth + batch > x.shape.length)
      throw new OpError(`Expected at most ${x.shape.length - batch} for the last axis of indices, got ${depth}.`)
    return [tensorType(x.dtype, [...indices.shape.slice(0, -1), ...x.shape.slice(batch + depth)])]
  },
  evaluate(call) {
    const [x, indices] = [call.tensor('x'), call.tensor('indices')]
    const batch = call.number('batch_dims')
    const starts = ndStarts(x.shape, indices, batch)
    return runs(call, x, starts, elementCount(x.shape.slice(batch + indices.shape.at(-1)!)))
  },
}

const oneHot: OpRow = {
  op: 'one_hot',
  opset: 'ios15',
  operands: [
    operand('indices', ['int32']),
    operand('one_hot_vector_size', ['int32']),
    option('axis', ['int32'], -1),
    option('on_value', 'T', 1),
    option('off_value', 'T', 0),
  ],
  types: { T: ANY },
  infer(call) {
    const { shape } = call.type('indices')
    const axis = axisOf(call.number('axis'), shape.length + 1)
    const dtype = call.has('on_value')
      ? call.type('on_value').dtype
      : call.has('off_value')
        ? call.type('off_value').dtype
        : 'int32'
    return [tensorType(dtype, shape.toSpliced(axis, 0, call.numbers('one_hot_vector_size')?.[0] ?? null))]
  },
  evaluate(call) {
    const indices = call.tensor('indices')
    const out = computed(call)
    out.data.fill(call.number('off_value'))
    const axis = axisOf(call.number('axis'), out.shape.length)
    const [size, inner] = [out.shape[axis], elementCount(out.shape.slice(axis + 1))]
    const on = call.number('on_value')
    for (const [i, index] of elements(indices).entries()) {
      out.data[Math.floor(i / inner) * size * inner + indexOf(index, size) * inner + (i % inner)] = on
    }
    return [out]
  },
}

export const gathers: readonly OpRow[] = [gather, gatherAlongAxis, gatherNd, oneHot]
