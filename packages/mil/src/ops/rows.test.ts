import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildProgram } from '../builder.js'
import { evaluate } from '../evaluate.js'
import type { Dtype, Value } from '../ir.js'
import { allocate, elementCount, type Tensor } from '../tensor.js'
import type { OperandInput } from './row.js'
import { opNames, opRow } from './table.js'

function tensor(dtype: Dtype, shape: number[], values: ArrayLike<number>): Tensor {
  const data = allocate(dtype, elementCount(shape))
  data.set(values as never)
  return { dtype, shape, data }
}

/** Runs one operation; tensors become inputs, everything else constants. */
function run(op: string, operands: Record<string, OperandInput | Tensor>): Tensor[] {
  const isTensor = (value: unknown): value is Tensor => typeof value === 'object' && value !== null && 'data' in value
  const given = Object.entries(operands).filter((entry): entry is [string, Tensor] => isTensor(entry[1]))
  const { program, blobs } = buildProgram({}, (b) => {
    const inputs = given.map(([name, { dtype, shape }]): [string, Value] => [name, b.input(`in_${name}`, dtype, shape)])
    const results = b.ops(op, { ...(operands as Record<string, OperandInput>), ...Object.fromEntries(inputs) })
    for (const [i, result] of results.entries()) b.output(result, `out_${i}`)
  })
  const named = Object.fromEntries(given.map(([name, value]) => [`in_${name}`, value]))
  return Object.values(evaluate(program, named, { blobs }))
}

const numbers = (op: string, operands: Record<string, OperandInput | Tensor>): number[] =>
  Array.from(run(op, operands)[0].data as Float32Array)

const int = (...values: number[]) => tensor('int32', [values.length], values)
const float = (...values: number[]) => tensor('fp32', [values.length], values)

describe('integer arithmetic', () => {
  it('wraps like two’s complement', () => {
    expect(numbers('add', { x: int(2147483647), y: int(1) })).toEqual([-2147483648])
    expect(numbers('mul', { x: int(123456789), y: int(987654321) })).toEqual([Math.imul(123456789, 987654321)])
    expect(numbers('pow', { x: int(3, -2, 7), y: int(4, 31, 0) })).toEqual([81, -2147483648, 1])
  })

  it('floors quotients and gives remainders the sign of the divisor', () => {
    expect(numbers('floor_div', { x: int(-7, 7, -7), y: int(2, -2, -2) })).toEqual([-4, -4, 3])
    expect(numbers('mod', { x: int(-7, 7, -7), y: int(2, -2, -2) })).toEqual([1, -1, -1])
    expect(() => run('floor_div', { x: int(1), y: int(0) })).toThrow(/Expected a non-zero integer for y/)
  })
})

describe('elementwise operations', () => {
  it('rounds halves to even', () => {
    expect(numbers('round', { x: float(0.5, 1.5, 2.5, -0.5, -1.5, 2.6) })).toEqual([0, 2, 2, -0, -2, 3])
  })

  it('truncates when it casts to int32', () => {
    expect(numbers('cast', { x: float(2.9, -2.9), dtype: 'int32' })).toEqual([2, -2])
  })

  it('stays finite where naive formulas overflow', () => {
    expect(numbers('softplus', { x: float(1000, -1000) })).toEqual([1000, 0])
    expect(numbers('sigmoid', { x: float(1000, -1000) })).toEqual([1, 0])
  })

  it('gives zeros no sign where they come from comparing', () => {
    expect(numbers('sign', { x: float(-0, 0, -3, Number.NaN) })).toEqual([0, 0, -1, Number.NaN])
    expect(numbers('silu', { x: float(-Infinity) })).toEqual([-0])
  })

  it('takes the default epsilon in the type of x', () => {
    expect(numbers('log', { x: tensor('fp16', [1], [0]) })).toEqual([-Infinity])
    expect(numbers('log', { x: float(0) })[0]).toBeCloseTo(-103.28, 2)
  })

  it('knows erf to full precision', () => {
    const { program } = buildProgram({}, (b) => b.output(b.op('erf', { x: b.input('x', 'fp32', [3]) }), 'y'))
    const x: Tensor = { dtype: 'fp32', shape: [3], data: Float64Array.of(0.5, -1, 3) }
    const { y } = evaluate(program, { x }, { round: false })
    expect(y.data[0]).toBeCloseTo(0.5204998778130465, 15)
    expect(y.data[1]).toBeCloseTo(-0.8427007929497149, 15)
    expect(y.data[2]).toBeCloseTo(0.9999779095030014, 15)
  })
})

describe('shape rules', () => {
  const inferred = (op: string, shape: (number | null)[], operands: Record<string, OperandInput>) => {
    let type: unknown
    buildProgram({}, (b) => {
      type = b.op(op, { x: b.input('x', 'fp16', shape), ...operands }).type
    })
    return (type as { shape: (number | null)[] }).shape
  }

  it('keep unknown dimensions unknown', () => {
    expect(inferred('transpose', [1, null, 3], { perm: [0, 2, 1] })).toEqual([1, 3, null])
    expect(inferred('reshape', [1, null, 4], { shape: [0, 2, -1] })).toEqual([1, 2, null])
    expect(inferred('add', [1, null, 4], { y: 1 })).toEqual([1, null, 4])
    expect(inferred('reduce_sum', [null, 4], { axes: [-1], keep_dims: true })).toEqual([null, 1])
  })

  it('refuse what does not fit', () => {
    expect(() => inferred('reshape', [2, 3], { shape: [4, -1] })).toThrow(/Expected a shape of 6 elements/)
    expect(() => inferred('reduce_sum', [2, 3], { axes: [2] })).toThrow(/Expected -2 to 1 for axes, got 2/)
    expect(() => inferred('slice_by_size', [4], { begin: [2], size: [3] })).toThrow(/Expected a range inside 4/)
    expect(() => inferred('split', [1, 5], { num_splits: 2, axis: 1 })).toThrow()
    expect(() => inferred('softmax', [4], { axes: 0 })).toThrow(/Expected an operand of softmax/)
    expect(() => inferred('prelu', [4], { alpha: [0.5] })).toThrow(/Expected rank 2 or more for x/)
    expect(() => inferred('prelu', [1, 4], { alpha: 0.5 })).toThrow(
      /one number per channel, \[4\], for alpha, got \[\]/,
    )
    expect(() => inferred('instance_norm', [1, 4, 2], { gamma: [1, 2] })).toThrow(/one number per channel/)
  })

  it('refuse indices that address nothing', () => {
    const [data, updates] = [float(1, 2), tensor('fp32', [1], [1])]
    const deep = tensor('int32', [1, 2], [0, 0])
    expect(() => run('scatter_nd', { data, indices: deep, updates })).toThrow(/at most 1 for the last axis of indices/)
    const x = tensor('fp32', [2, 3], [1, 2, 3, 4, 5, 6])
    expect(() => run('gather_along_axis', { x, indices: tensor('int32', [1, 1], [0]), axis: 1 })).toThrow(
      /Expected 2 for axis 0 of indices, got 1/,
    )
  })

  it('refuse numbers of another kind', () => {
    expect(() => run('matmul', { x: tensor('fp32', [1, 1], [1]), y: tensor('int32', [1, 1], [1]) })).toThrow(
      /Expected fp32 for y, got int32/,
    )
  })
})

describe('conv', () => {
  const side = fc.integer({ min: 3, max: 6 })
  const window = fc.record({
    size: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 2 }),
    pad: fc.tuple(fc.nat(2), fc.nat(2)),
  })

  it('equals a sum over every tap', () => {
    fc.assert(
      fc.property(side, side, window, window, fc.constantFrom(1, 2), (height, width, h, w, groups) => {
        const x = tensor(
          'fp32',
          [1, 2, height, width],
          Array.from({ length: 2 * height * width }, (_, i) => ((i * 7) % 11) - 5),
        )
        const inputs = 2 / groups
        const weight = tensor(
          'fp32',
          [2, inputs, h.size, w.size],
          Array.from({ length: 2 * inputs * h.size * w.size }, (_, i) => ((i * 5) % 7) - 3),
        )
        const [y] = run('conv', {
          x,
          weight,
          strides: [h.stride, w.stride],
          pad_type: 'custom',
          pad: [...h.pad, ...w.pad],
          groups,
        })
        const [, , rows, columns] = y.shape
        const at = (c: number, r: number, k: number) =>
          r < 0 || k < 0 || r >= height || k >= width ? 0 : Number(x.data[(c * height + r) * width + k])
        for (let i = 0; i < y.data.length; i++) {
          const [o, r, k] = [Math.floor(i / (rows * columns)), Math.floor(i / columns) % rows, i % columns]
          let want = 0
          for (let c = 0; c < inputs; c++)
            for (let a = 0; a < h.size; a++)
              for (let b = 0; b < w.size; b++)
                want +=
                  at((groups === 1 ? 0 : o) + c, r * h.stride + a - h.pad[0], k * w.stride + b - w.pad[0]) *
                  Number(weight.data[((o * inputs + c) * h.size + a) * w.size + b])
          expect(y.data[i]).toBe(want)
        }
      }),
      { numRuns: 40 },
    )
  })

  it('puts the smaller half of same padding first, of same_lower last', () => {
    const x = tensor('fp32', [1, 1, 4], [1, 2, 3, 4])
    const weight = tensor('fp32', [1, 1, 2], [1, 10])
    expect(numbers('conv', { x, weight, pad_type: 'same' })).toEqual([21, 32, 43, 4])
    expect(numbers('conv', { x, weight, pad_type: 'same_lower' })).toEqual([10, 21, 32, 43])
  })
})

describe('pooling', () => {
  const x = tensor('fp32', [1, 1, 5], [1, 2, 3, 4, 5])
  const kernel = { kernel_sizes: [2], strides: [2], pad_type: 'valid' }

  it('drops the rest, or keeps it with ceil_mode', () => {
    expect(numbers('max_pool', { x, ...kernel })).toEqual([2, 4])
    expect(numbers('max_pool', { x, ...kernel, ceil_mode: true })).toEqual([2, 4, 5])
  })

  it('counts padding in an average unless told otherwise', () => {
    const padded = { x, kernel_sizes: [2], strides: [3], pad_type: 'custom', pad: [1, 1] }
    expect(numbers('avg_pool', padded)).toEqual([0.5, 3.5])
    expect(numbers('avg_pool', { ...padded, exclude_padding_from_average: true })).toEqual([1, 3.5])
  })
})

describe('index operations', () => {
  const x = tensor('fp32', [2, 3], [3, 1, 2, 6, 5, 4])

  it('sorts stably and keeps the first of equals', () => {
    expect(numbers('argsort', { x, axis: -1, ascending: true })).toEqual([1, 2, 0, 2, 1, 0])
    expect(numbers('argsort', { x: float(1, Number.NaN, 3), ascending: true })).toEqual([0, 2, 1])
    const [values, indices] = run('topk', { x: float(1, 7, 7, 3), k: 2 })
    expect([[...values.data], [...indices.data]]).toEqual([
      [7, 7],
      [1, 2],
    ])
    expect(numbers('reduce_argmax', { x: float(1, 7, 7), axis: 0 })).toEqual([1])
  })

  it('sums and selects along an axis', () => {
    expect(numbers('cumsum', { x, axis: 1 })).toEqual([3, 4, 6, 6, 11, 15])
    expect(numbers('cumsum', { x, axis: 1, exclusive: true, reverse: true })).toEqual([3, 2, 0, 9, 4, 0])
    expect(numbers('band_part', { x, lower: 0, upper: 1 })).toEqual([3, 1, 0, 0, 5, 4])
  })

  it('scatters with every addressing', () => {
    const data = tensor('fp32', [2, 2], [0, 0, 0, 0])
    const along = tensor('int32', [2, 1], [1, 0])
    expect(numbers('scatter', { data, indices: int(1, 1), updates: tensor('fp32', [2, 2], [1, 2, 3, 4]) })).toEqual([
      0, 0, 4, 6,
    ])
    expect(
      numbers('scatter_along_axis', { data, indices: along, updates: tensor('fp32', [2, 1], [5, 6]), axis: 1 }),
    ).toEqual([0, 5, 6, 0])
    const nd = { data, indices: tensor('int32', [1, 2], [1, 0]), updates: float(9), mode: 'update' }
    expect(numbers('scatter_nd', nd)).toEqual([0, 0, 9, 0])
  })

  it('gathers by leading axes and makes one-hot rows', () => {
    expect(numbers('gather_nd', { x, indices: tensor('int32', [2, 2], [0, 0, 1, -1]) })).toEqual([3, 4])
    expect(numbers('one_hot', { indices: int(1, 0), one_hot_vector_size: 3 })).toEqual([0, 1, 0, 1, 0, 0])
  })

  it('starts a squeezed axis at its first element where begin is masked', () => {
    const masks = { begin_mask: [true, false], squeeze_mask: [true, false] }
    expect(numbers('slice_by_index', { x, begin: [1, 0], end: [2, 3], ...masks })).toEqual([3, 1, 2])
  })

  it('replaces a region and pads with reflections', () => {
    const update = tensor('fp32', [1, 2], [8, 9])
    expect(numbers('slice_update', { x, update, begin: [1, 0], end: [2, 2] })).toEqual([3, 1, 2, 8, 9, 4])
    expect(numbers('pad', { x: float(1, 2, 3), pad: [2, 1], mode: 'reflect' })).toEqual([3, 2, 1, 2, 3, 2])
    expect(numbers('pad', { x: float(1, 2, 3), pad: [2, 1], mode: 'replicate' })).toEqual([1, 1, 1, 2, 3, 3])
  })
})

describe('compressed weights', () => {
  it('read a table per block and vectors of entries', () => {
    const indices = tensor('uint4', [2, 2], [0, 1, 1, 0])
    const perRow = tensor('fp32', [2, 1, 2, 1], [1, 2, 10, 20])
    expect(numbers('constexpr_lut_to_dense', { indices, lut: perRow })).toEqual([1, 2, 20, 10])
    const pairs = tensor('fp32', [1, 1, 2, 2], [1, 2, 3, 4])
    expect(numbers('constexpr_lut_to_dense', { indices, lut: pairs, vector_axis: 0 })).toEqual([1, 3, 2, 4, 3, 1, 4, 2])
  })

  it('shift and scale by blocks', () => {
    const data = tensor('int8', [2, 4], [1, 2, 3, 4, 5, 6, 7, 8])
    const scale = tensor('fp32', [1, 2], [1, 10])
    const offset = tensor('int8', [2, 1], [0, 1])
    expect(numbers('constexpr_blockwise_shift_scale', { data, scale, offset })).toEqual([1, 2, 30, 40, 4, 5, 60, 70])
  })
})

describe('einsum', () => {
  const einsum = (equation: string, ...tensors: Tensor[]) => {
    const { program } = buildProgram({}, (b) => {
      const values = tensors.map(({ dtype, shape }, i) => b.input(`v${i}`, dtype, shape))
      b.output(b.op('einsum', { values, equation }), 'y')
    })
    return evaluate(program, Object.fromEntries(tensors.map((value, i) => [`v${i}`, value]))).y
  }
  const x = tensor('fp32', [2, 3], [1, 2, 3, 4, 5, 6])

  it('equals a matrix product, a transpose and a trace', () => {
    const y = tensor('fp32', [3, 2], [1, -1, 2, 0, 0, 3])
    expect(einsum('mk,kn->mn', x, y)).toEqual(tensor('fp32', [2, 2], [5, 8, 14, 14]))
    expect(einsum('ab->ba', x)).toEqual(tensor('fp32', [3, 2], [1, 4, 2, 5, 3, 6]))
    expect(einsum('ii->', tensor('fp32', [2, 2], [1, 2, 3, 4]))).toEqual(tensor('fp32', [], [5]))
  })

  it('refuses equations that do not fit the tensors', () => {
    expect(() => einsum('ab,bc->ac', x, x)).toThrow(/Expected 3 for axis b of values\[1\], got 2/)
    expect(() => einsum('ab->ac', x)).toThrow(/Expected distinct letters/)
    expect(() => einsum('a...->a', x)).toThrow(/Expected letters/)
  })
})

describe('lstm', () => {
  it('runs backwards over the reversed sequence', () => {
    const weights = (rows: number, columns: number) =>
      tensor(
        'fp32',
        [rows, columns],
        Array.from({ length: rows * columns }, (_, i) => Math.sin(i)),
      )
    const state = tensor('fp32', [1, 2], [0.1, -0.2])
    const common = {
      initial_h: state,
      initial_c: state,
      weight_ih: weights(8, 3),
      weight_hh: weights(8, 2),
      output_sequence: true,
    }
    const x = tensor(
      'fp32',
      [4, 1, 3],
      Array.from({ length: 12 }, (_, i) => Math.cos(i)),
    )
    const flipped = run('reverse', { x, axes: [0] })[0]
    const [backwards, h] = run('lstm', { x, ...common, direction: 'reverse' })
    const [forwards, last] = run('lstm', { x: flipped, ...common })
    expect(run('reverse', { x: forwards, axes: [0] })[0].data).toEqual(backwards.data)
    expect(h).toEqual(last)
  })
})

describe('the table', () => {
  it('has a reference meaning for every row and no name twice', () => {
    expect(opNames().filter((name) => !opRow(name)?.evaluate)).toEqual([])
    expect(new Set(opNames()).size).toBe(opNames().length)
  })
})
