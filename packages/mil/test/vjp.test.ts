import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Builder, buildProgram } from '../src/builder.js'
import { evaluate } from '../src/evaluate.js'
import type { Literal, TensorType, Value } from '../src/ir.js'
import { operandCall } from '../src/ops/call.js'
import type { OperandInput, OpRow, VjpCall } from '../src/ops/row.js'
import { opNames, opRow } from '../src/ops/table.js'
import { elementCount, type Tensor } from '../src/tensor.js'

type Shapes = Record<string, readonly number[]>

/** One operation on inputs of given shapes; `operands` says how the inputs are used. */
interface Example {
  shapes: Shapes
  operands(inputs: Record<string, Value>, b: Builder): Record<string, OperandInput>
  /** Inputs whose gradient is checked; all unless given. */
  wrt?: readonly string[]
  /** Range of magnitudes of the elements; signs are random unless `positive`. */
  magnitude?: readonly [number, number]
  positive?: boolean
}

/** Gradient values by input: those of a variadic operand arrive as a list in the order of the inputs. */
function gradientsOf(
  b: Builder,
  row: OpRow,
  inputs: Record<string, Value>,
  y: Value[],
  dy: Value[],
  wrt: readonly string[],
) {
  const { operands } = b.function.operations.findLast(({ op }) => op === row.op)!
  const constantOf = (value: Value): Literal | undefined => {
    const made = b.function.operations.find(({ op, results }) => op === 'const' && results[0] === value)?.operands.val
    return made?.kind === 'literal' ? made.literal : undefined
  }
  const operandValue = (name: string): Value => {
    const operand = operands[name]
    if (operand.kind !== 'value') throw new TypeError(`Expected a value for ${name}, got a ${operand.kind}.`)
    return operand.value
  }
  const call: VjpCall = Object.assign(operandCall(row, operands, constantOf), {
    b,
    y,
    dy,
    value: operandValue,
    values: (name: string) => {
      const operand = operands[name]
      return operand.kind === 'list' ? operand.items.flatMap((item) => (item.kind === 'value' ? [item.value] : [])) : []
    },
    needs: (name: string) => name === 'values' || wrt.includes(name),
  })
  const gradients = row.vjp!(call)
  const list = gradients.values as readonly Value[] | undefined
  return Object.fromEntries(
    wrt.map((name) => [name, (list ? list[Object.keys(inputs).indexOf(name)] : gradients[name]) as Value | undefined]),
  )
}

/** Deterministic elements with magnitudes inside the range. */
function elementsOf(
  size: number,
  seed: number,
  [least, most]: readonly [number, number],
  positive: boolean,
): Float64Array {
  let state = seed >>> 0
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  return Float64Array.from(
    { length: size },
    () => (least + next() * (most - least)) * (positive || next() < 0.5 ? 1 : -1),
  )
}

/** Compares every gradient element with a central difference of Σ dy·y in binary64. */
function checkGradients(op: string, example: Example, seed: number): void {
  const { shapes, magnitude = [0.2, 2], positive = false } = example
  const wrt = example.wrt ?? Object.keys(shapes)
  const declare = (b: Builder) =>
    Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, b.input(name, 'fp32', shape)]))
  const forward = buildProgram({}, (b) => {
    for (const [i, y] of b.ops(op, example.operands(declare(b), b)).entries()) b.output(y, `y${i}`)
  })
  const backward = buildProgram({}, (b) => {
    const inputs = declare(b)
    const y = b.ops(op, example.operands(inputs, b))
    const dy = y.map((value, i) => b.input(`dy${i}`, 'fp32', (value.type as TensorType).shape))
    for (const [name, value] of Object.entries(gradientsOf(b, opRow(op)!, inputs, y, dy, wrt))) {
      if (value) b.output(value, `d_${name}`)
    }
  })
  const at: Record<string, Tensor> = {}
  for (const [i, [name, shape]] of Object.entries(shapes).entries()) {
    at[name] = { dtype: 'fp32', shape, data: elementsOf(elementCount(shape), seed + 31 * i, magnitude, positive) }
  }
  const y = Object.values(evaluate(forward.program, at, { round: false, blobs: forward.blobs }))
  const dy = y.map(({ shape }, i) => ({
    dtype: 'fp32' as const,
    shape,
    data: elementsOf(elementCount(shape), seed + 7 + i, [0.2, 2], false),
  }))
  const seeds = Object.fromEntries(dy.map((tensor, i) => [`dy${i}`, tensor]))
  const actual = evaluate(backward.program, { ...at, ...seeds }, { round: false, blobs: backward.blobs })
  const objective = (): number => {
    const outputs = Object.values(evaluate(forward.program, at, { round: false, blobs: forward.blobs }))
    return outputs.reduce(
      (sum, { data }, i) => sum + (data as Float64Array).reduce((part, v, j) => part + v * dy[i].data[j], 0),
      0,
    )
  }
  for (const name of wrt) {
    const gradient = actual[`d_${name}`]
    expect(gradient?.shape, `${op} d_${name}`).toEqual(shapes[name])
    const data = at[name].data as Float64Array
    for (let i = 0; i < data.length; i++) {
      const [value, step] = [data[i], 1e-5]
      data[i] = value + step
      const above = objective()
      data[i] = value - step
      const below = objective()
      data[i] = value
      const want = (above - below) / (2 * step)
      const error = Math.abs(Number(gradient.data[i]) - want)
      expect(error, `${op} d_${name}[${i}] at ${value}, want ${want}`).toBeLessThan(2e-6 * (1 + Math.abs(want)))
    }
  }
}

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
