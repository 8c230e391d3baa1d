/** tile, stack and split by joins, reshapes and slices. */

import type { Builder } from '../../builder.js'
import type { Value } from '../../ir.js'
import { dims, rewriting, type Site } from './rewriting.js'

/** More copies than this are joined in halves. */
const COPIES = 8

/** tile → concat of the value with itself; stack → concat of values with one more axis. */
export const joinRepeats = rewriting(['tile', 'stack'], (site) => {
  const { b, operation, original, facts } = site
  const [result] = operation.results
  if (operation.op === 'tile') {
    const reps = facts.numbers(original, 'reps')
    return reps && [tiled(b, site.operand('x'), reps, result.name)]
  }
  const given = facts.numbers(original, 'axis')?.[0]
  if (given === undefined) return undefined
  const rank = dims(result).length
  const axis = given < 0 ? given + rank : given
  const shape = dims(result).map((dim, i) => (i === axis ? 1 : dim))
  const values = site.operands('values').map((x, i) => b.reshape({ x, shape }, `${result.name}_${i}`))
  return [b.concat({ values, axis, interleave: false }, result.name)]
})

function tiled(b: Builder, x: Value, reps: readonly number[], name: string): Value {
  const rank = dims(x).length
  const missing = reps.length - rank
  const start = missing > 0 ? b.reshape({ x, shape: [...new Array(missing).fill(1), ...dims(x)] }, `${name}_wide`) : x
  const done = reps.reduce((value, count, axis) => repeated(b, value, axis, count, `${name}_${axis}`), start)
  return done === x ? b.mul({ x, y: 1 }, name) : done
}

function repeated(b: Builder, x: Value, axis: number, count: number, name: string): Value {
  if (count === 1) return x
  if (count <= COPIES) return b.concat({ values: new Array(count).fill(x), axis, interleave: false }, name)
  const half = repeated(b, x, axis, Math.floor(count / 2), `${name}_half`)
  const values = count % 2 === 0 ? [half, half] : [half, half, x]
  return b.concat({ values, axis, interleave: false }, name)
}

/** split → one slice_by_size per part. */
export const sliceSplits = rewriting(['split'], (site) => {
  const { b, original } = site
  const x = site.operand('x')
  const axis = splitAxis(site)
  if (axis === undefined) return undefined
  let from = 0
  return original.results.map((result) => {
    const size = dims(result)
    const begin = size.map((_, i) => (i === axis ? from : 0))
    from += size[axis]
    return b.sliceBySize({ x, begin, size }, result.name)
  })
})

function splitAxis({ facts, original }: Site): number | undefined {
  return facts.axes(original, 'axis')?.[0]
}

/** A reduction times 0 → the reduction of the value times 0. */
export const dropZeroProducts = rewriting(['mul'], (site) => {
  const { b, operation, original, facts } = site
  for (const [name, other] of [
    ['x', 'y'],
    ['y', 'x'],
  ]) {
    const value = facts.value(original, name)
    const producer = value && facts.producer(value)
    const zeros = facts.numbers(original, other)
    if (!producer?.op.startsWith('reduce_') || zeros?.length !== 1 || zeros[0] !== 0) continue
    const reduction = b.function.operations.find(({ results }) => results.includes(site.operand(name)))
    const x = reduction && facts.value(reduction, 'x')
    if (!reduction || !x || !/_(sum|mean|max|min)$/.test(reduction.op)) continue
    const [result] = operation.results
    const axes = facts.axes(producer)
    const keep = facts.numbers(producer, 'keep_dims')?.[0] === 1
    const zeroed = b.mul({ x, y: 0 }, `${result.name}_zeroed`)
    return [b.op(reduction.op, { x: zeroed, ...(axes && { axes }), keep_dims: keep }, { name: result.name })]
  }
  return undefined
})

/** The bias of a convolution added after it. */
export const separateBias = rewriting(['conv'], (site) => {
  const { b, operation } = site
  if (!operation.operands.bias) return undefined
  const [result] = operation.results
  const { bias: _, ...operands } = operation.operands
  const shape = dims(result).map((dim, axis) => (axis === 1 ? dim : 1))
  const product: Value = { name: b.takeName(`${result.name}_product`), type: result.type }
  b.append({ ...operation, operands, attributes: {}, results: [product] })
  return [b.add({ x: product, y: b.reshape({ x: site.operand('bias'), shape }, `${result.name}_bias`) }, result.name)]
})
