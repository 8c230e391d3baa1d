/** Operations that belong together, as models write them and as engines look for them; sizes are drawn. */
import type { Dtype, Tensor, Value } from '@ane/mil'
import { type Fresh, randomTensor, sizes } from './operands.js'
import type { Random } from './source.js'

/** What a pattern may do. */
export interface PatternContext {
  readonly random: Random
  /** Adds an operation with one result. @throws {OpError} if it does not fit, or its result is of no use */
  one(op: string, operands: Record<string, Value | Fresh | number | boolean | string | readonly number[]>): Value
  input(tensor: Tensor): Value
  /** A value of rank 4 and floating point, and its shape; a new one if there is none. */
  some(): { value: Value; shape: readonly number[]; dtype: Dtype }
}

/** Writes a few operations. */
export type Pattern = (context: PatternContext) => void

const fresh = ({ random }: PatternContext, dtype: Dtype, shape: readonly number[]): Value | Fresh => ({
  tensor: randomTensor(random, dtype, shape, 8),
  constant: random.chance(0.2),
})

/** Scores, mask, softmax and the product with values, heads in front, keys along rows or columns. */
const attention: Pattern = (context) => {
  const { random, one } = context
  const dtype = random.of<Dtype>(['fp16', 'fp16', 'fp32'])
  const [batch, heads, depth, wide] = [1, random.of([1, 2, 3]), random.of(sizes), random.of(sizes)]
  const [queries, keys] = [random.of(sizes), random.of(sizes)]
  const along = random.chance(0.5)
  const matrix = (rows: number, columns: number, group: number) =>
    context.input(randomTensor(random, dtype, [batch, group, rows, columns], 8))
  const shared = random.chance(0.3) ? 1 : heads
  const q = along ? matrix(depth, queries, heads) : matrix(queries, depth, heads)
  const k = along ? matrix(depth, keys, shared) : matrix(keys, depth, shared)
  const v = along ? matrix(wide, keys, shared) : matrix(keys, wide, shared)
  let scores = one('matmul', { x: q, y: k, transpose_x: along, transpose_y: !along })
  if (random.chance(0.8)) scores = one('mul', { x: scores, y: 0.25 })
  if (random.chance(0.6)) {
    const hidden = Array.from({ length: queries * keys }, (_, i) =>
      (i % keys) - keys > Math.floor(i / keys) - queries ? -1e4 : 0,
    )
    const mask = { dtype, shape: [1, 1, queries, keys], data: Float32Array.from(hidden) }
    scores = one('add', { x: scores, y: { tensor: mask, constant: random.chance(0.7) } })
  }
  const weights = one('softmax', { x: scores, axis: -1 })
  if (along) one('matmul', { x: v, y: weights, transpose_x: false, transpose_y: true })
  else one('matmul', { x: weights, y: v })
}

/** x divided by the root of its mean square along an axis, and a gain. */
const rmsNorm: Pattern = (context) => {
  const { random, one } = context
  const { value: x, shape, dtype } = context.some()
  const axis = random.integer(0, shape.length)
  const squares = random.chance(0.5) ? one('mul', { x, y: x }) : one('square', { x })
  const mean = one('reduce_mean', { x: squares, axes: [axis], keep_dims: true })
  const scale = one('rsqrt', { x: one('add', { x: mean, y: 1 / 64 }) })
  const gain = shape.map((dim, i) => (i === axis ? dim : 1))
  one('mul', { x: one('mul', { x, y: scale }), y: fresh(context, dtype, gain) })
}

/** The derivative of a norm: two reductions along an axis between element-wise operations. */
const normGradient: Pattern = (context) => {
  const { random, one } = context
  const { value: x, shape, dtype } = context.some()
  const axes = [random.integer(0, shape.length)]
  const dy = context.input(randomTensor(random, dtype, shape, 8))
  const along = one('reduce_sum', { x: one('mul', { x, y: dy }), axes, keep_dims: true })
  const moved = one('mul', { x, y: one('mul', { x: along, y: 1 / 64 }) })
  const rest = one('sub', { x: dy, y: moved })
  one('sub', { x: rest, y: one('reduce_mean', { x: rest, axes, keep_dims: true }) })
}

/** Softmax from its parts. */
const softmaxParts: Pattern = (context) => {
  const { random, one } = context
  const { value: x, shape } = context.some()
  const axes = [random.integer(0, shape.length)]
  const largest = one('reduce_max', { x, axes, keep_dims: true })
  const powers = one('exp', { x: one('sub', { x, y: largest }) })
  one('real_div', { x: powers, y: one('reduce_sum', { x: powers, axes, keep_dims: true }) })
}

/** A gated layer: two products of the same columns, one through silu. */
const gatedLayer: Pattern = (context) => {
  const { random, one } = context
  const { value: x, shape, dtype } = context.some()
  const wide = random.of(sizes)
  const weight = () => fresh(context, dtype, [1, 1, wide, shape[2]])
  const [gate, up] = [one('matmul', { x: weight(), y: x }), one('matmul', { x: weight(), y: x })]
  const hidden = one('mul', { x: one('mul', { x: gate, y: one('sigmoid', { x: gate }) }), y: up })
  one('matmul', { x: fresh(context, dtype, [1, 1, shape[2], wide]), y: hidden })
}

/** Halves exchanged with a sign, as rotary embeddings do. */
const rotatedHalves: Pattern = (context) => {
  const { random, one } = context
  const { value: x, shape, dtype } = context.some()
  const axis = shape.findIndex((dim) => dim >= 2)
  const half = Math.floor(shape[axis] / 2)
  const part = (begin: number, size: number) =>
    one('slice_by_size', {
      x,
      begin: shape.map((_, i) => (i === axis ? begin : 0)),
      size: shape.map((_, i) => (i === axis ? size : -1)),
    })
  const factor = () =>
    fresh(
      context,
      dtype,
      shape.map((dim, i) => (i === axis ? half : random.chance(0.5) ? dim : 1)),
    )
  const [low, high, cos, sin] = [part(0, half), part(half, half), factor(), factor()]
  one('sub', { x: one('mul', { x: low, y: cos }), y: one('mul', { x: high, y: sin }) })
  one('add', { x: one('mul', { x: high, y: cos }), y: one('mul', { x: low, y: sin }) })
}

/** Views of views in front of a product. */
const viewedProduct: Pattern = (context) => {
  const { random, one } = context
  const { value: x, shape } = context.some()
  const perm = random.shuffled([0, 1, 2, 3])
  const turned = one('transpose', { x, perm })
  const [rows, columns] = [shape[perm[0]] * shape[perm[1]], shape[perm[2]] * shape[perm[3]]]
  const flat = one('reshape', { x: turned, shape: [1, 1, rows, columns] })
  const cut = one('slice_by_index', { x: flat, begin: [0, 0, Math.floor(rows / 3), 0], end: [1, 1, rows, columns] })
  const product = one('matmul', { x: cut, y: flat, transpose_y: true })
  one('reshape', { x: one('tanh', { x: product }), shape: [-1] })
}

/** Every pattern. */
export const patterns: readonly Pattern[] = [
  attention,
  attention,
  rmsNorm,
  normGradient,
  softmaxParts,
  gatedLayer,
  rotatedHalves,
  viewedProduct,
]
