import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OperandInput } from '../src/ops/row.js'
import { opNames, opRow } from '../src/ops/table.js'
import { checkGradients, type Example } from './central-difference.js'

const dim = fc.integer({ min: 1, max: 4 })
const shape = (least = 1, most = 4) => fc.array(dim, { minLength: least, maxLength: most })

/** Two shapes that broadcast: some axes of either are 1 or missing. */
const pair = shape().chain((full) =>
  fc
    .record({
      ones: fc.array(fc.constantFrom(0, 1, 2), { minLength: full.length, maxLength: full.length }),
      drop: fc.nat(full.length),
    })
    .map(({ ones, drop }) => ({
      x: full.map((size, i) => (ones[i] === 1 ? 1 : size)),
      y: full.map((size, i) => (ones[i] === 2 ? 1 : size)).slice(drop),
    })),
)

const unary = (more: Partial<Example> & { constants?: Record<string, OperandInput> } = {}): fc.Arbitrary<Example> =>
  shape().map((x) => ({ shapes: { x }, operands: (v) => ({ x: v.x, ...more.constants }), ...more }))

const binary = (more: Partial<Example> = {}): fc.Arbitrary<Example> =>
  pair.map((shapes) => ({ shapes, operands: (v) => ({ x: v.x, y: v.y }), ...more }))

const axesCase = (more: Partial<Example> = {}): fc.Arbitrary<Example> =>
  shape().chain((x) =>
    fc
      .record({
        axes: fc.subarray(
          x.map((_, axis) => axis),
          { minLength: 1 },
        ),
        keep_dims: fc.boolean(),
      })
      .map((options) => ({
        shapes: { x },
        operands: (v) => ({ x: v.x, ...options }),
        ...more,
      })),
  )

const axisCase = (name = 'axis'): fc.Arbitrary<Example> =>
  shape().chain((x) =>
    fc
      .integer({ min: -x.length, max: x.length - 1 })
      .map((axis) => ({ shapes: { x }, operands: (v) => ({ x: v.x, [name]: axis }) })),
  )

const matmul: fc.Arbitrary<Example> = fc
  .record({ batch: pair, m: dim, k: dim, n: dim, tx: fc.boolean(), ty: fc.boolean() })
  .map(({ batch, m, k, n, tx, ty }) => ({
    shapes: {
      x: [...batch.x.slice(-2), ...(tx ? [k, m] : [m, k])],
      y: [...batch.y.slice(-2), ...(ty ? [n, k] : [k, n])],
    },
    operands: (v) => ({ x: v.x, y: v.y, transpose_x: tx, transpose_y: ty }),
  }))

const linear: fc.Arbitrary<Example> = fc
  .record({ lead: shape(0, 2), inner: dim, out: dim })
  .map(({ lead, inner, out }) => ({
    shapes: { x: [...lead, inner], weight: [out, inner], bias: [out] },
    operands: (v) => ({ x: v.x, weight: v.weight, bias: v.bias }),
  }))

const conv: fc.Arbitrary<Example> = fc.tuple(dim, dim, dim, dim).map(([n, c, o, s]) => ({
  shapes: { x: [n, c, 1, s], weight: [o, c, 1, 1], bias: [o] },
  operands: (v) => ({
    x: v.x,
    weight: v.weight,
    bias: v.bias,
    strides: [1, 1],
    pad_type: 'valid',
    pad: [0, 0, 0, 0],
    dilations: [1, 1],
    groups: 1,
  }),
  wrt: ['x', 'bias'],
}))

const boxes = (
  of: (box: { begin: number[]; size: number[]; x: number[] }) => Record<string, OperandInput>,
): fc.Arbitrary<Example> =>
  shape().chain((x) =>
    fc
      .tuple(
        ...x.map((size) =>
          fc.nat(size - 1).chain((from) => fc.tuple(fc.constant(from), fc.integer({ min: 1, max: size - from }))),
        ),
      )
      .map((ranges) => {
        const [begin, size] = [ranges.map(([from]) => from), ranges.map(([, count]) => count)]
        return { shapes: { x }, operands: (v) => ({ x: v.x, ...of({ begin, size, x }) }) }
      }),
  )

const joined = (op: 'concat' | 'stack'): fc.Arbitrary<Example> =>
  fc.tuple(shape(), dim, dim, fc.nat(3)).map(([first, other, third, pick]) => {
    const axis = pick % first.length
    const sizes = op === 'stack' ? [first[axis], first[axis], first[axis]] : [first[axis], other, third]
    const [a, b, c] = sizes.map((size) => first.with(axis, size))
    return {
      shapes: { a, b, c },
      operands: (v) => ({ values: [v.a, v.b, v.c], axis, ...(op === 'concat' && { interleave: false }) }),
    }
  })

const positive = { positive: true, magnitude: [0.5, 2] as const }

const examples: Record<string, fc.Arbitrary<Example>> = {
  ...Object.fromEntries(
    [
      'abs',
      'atan',
      'cos',
      'cosh',
      'erf',
      'exp',
      'exp2',
      'sin',
      'sinh',
      'square',
      'tanh',
      'relu',
      'relu6',
      'sigmoid',
      'silu',
      'softplus',
      'softsign',
      'identity',
    ].map((op) => [op, unary()]),
  ),
  tan: unary({ magnitude: [0.1, 1] }),
  sqrt: unary(positive),
  log: unary({ ...positive, constants: { epsilon: 0.25 } }),
  rsqrt: unary({ ...positive, constants: { epsilon: 0.25 } }),
  inverse: unary({ ...positive, constants: { epsilon: 0.25 } }),
  gelu: fc
    .constantFrom('EXACT', 'TANH_APPROXIMATION', 'SIGMOID_APPROXIMATION')
    .chain((mode) => unary({ constants: { mode } })),
  clip: unary({ constants: { alpha: -1, beta: 0.5 } }),
  threshold: unary({ constants: { alpha: 0.125 } }),
  leaky_relu: unary({ constants: { alpha: 0.125 } }),
  elu: unary({ constants: { alpha: 0.5 } }),
  thresholded_relu: unary({ constants: { alpha: 0.125 } }),
  linear_activation: unary({ constants: { alpha: 0.5, beta: 0.25 } }),
  ...Object.fromEntries(['add', 'sub', 'mul', 'maximum', 'minimum', 'real_div'].map((op) => [op, binary()])),
  pow: fc.oneof(
    binary(positive),
    fc.constantFrom(2, 3, -0.5, 0.5, -1, 1.5).chain((y) => unary({ ...positive, constants: { y } })),
  ),
  select: pair.map(({ x, y }) => ({
    shapes: { a: x, b: y, c: [1] },
    operands: (v, b) => ({ cond: b.op('greater', { x: v.c, y: 0 }), a: v.a, b: v.b }),
    wrt: ['a', 'b'],
  })),
  cast: unary({ constants: { dtype: 'fp16' } }),
  ...Object.fromEntries(
    [
      'reduce_sum',
      'reduce_mean',
      'reduce_max',
      'reduce_min',
      'reduce_l2_norm',
      'reduce_sum_square',
      'reduce_log_sum_exp',
    ].map((op) => [op, axesCase()]),
  ),
  softmax: axisCase(),
  matmul,
  linear,
  conv,
  layer_norm: fc.tuple(dim, fc.integer({ min: 2, max: 4 })).map(([rows, size]) => ({
    shapes: { x: [rows, size], gamma: [size], beta: [size] },
    operands: (v) => ({ x: v.x, axes: [-1], gamma: v.gamma, beta: v.beta, epsilon: 0.125 }),
    wrt: ['x'],
  })),
  reshape: shape().map((x) => ({ shapes: { x }, operands: (v) => ({ x: v.x, shape: [-1] }) })),
  flatten2d: shape(2).map((x) => ({ shapes: { x }, operands: (v) => ({ x: v.x, axis: 1 }) })),
  transpose: shape()
    .chain((x) =>
      fc
        .shuffledSubarray(
          x.map((_, i) => i),
          { minLength: x.length },
        )
        .map((perm) => ({ x, perm })),
    )
    .map(({ x, perm }) => ({ shapes: { x }, operands: (v) => ({ x: v.x, perm }) })),
  expand_dims: shape(1, 3).map((x) => ({ shapes: { x }, operands: (v) => ({ x: v.x, axes: [0, -1] }) })),
  squeeze: shape(1, 3).map((x) => ({ shapes: { x: [1, ...x, 1] }, operands: (v) => ({ x: v.x, axes: [0, -1] }) })),
  reverse: shape().map((x) => ({ shapes: { x }, operands: (v) => ({ x: v.x, axes: [0, -1].slice(0, x.length) }) })),
  tile: shape(1, 3).chain((x) =>
    fc
      .array(fc.integer({ min: 1, max: 3 }), { minLength: x.length, maxLength: x.length })
      .map((reps) => ({ shapes: { x }, operands: (v) => ({ x: v.x, reps }) })),
  ),
  slice_by_size: boxes(({ begin, size }) => ({ begin, size })),
  slice_by_index: boxes(({ begin, size, x }) => ({
    begin,
    end: begin.map((from, i) => from + size[i]),
    squeeze_mask: x.map((_, i) => i === 1 && size[i] === 1),
  })),
  pad: shape().map((x) => ({
    shapes: { x },
    operands: (v) => ({ x: v.x, pad: [1, 2], mode: 'constant', constant_val: 0 }),
  })),
  concat: joined('concat'),
  stack: joined('stack'),
  split: fc.tuple(shape(), fc.nat(3)).map(([lead, pick]) => {
    const axis = pick % lead.length
    const x = lead.with(axis, lead[axis] * 2)
    return { shapes: { x }, operands: (v) => ({ x: v.x, num_splits: 2, axis }) }
  }),
}

describe('derivatives of operations', () => {
  for (const [op, arbitrary] of Object.entries(examples)) {
    it(`differentiates ${op} like a central difference`, () => {
      fc.assert(
        fc.property(arbitrary, fc.integer(), (example, seed) => checkGradients(op, example, seed)),
        { numRuns: 12 },
      )
    })
  }

  it('covers every row with a derivative', () => {
    const passThrough = ['read_state', 'tensor_buffer_to_tensor', 'tensor_to_tensor_buffer']
    const rows = opNames().filter((name) => opRow(name)?.vjp && !passThrough.includes(name))
    expect(rows.filter((name) => !(name in examples))).toEqual([])
  })
})
