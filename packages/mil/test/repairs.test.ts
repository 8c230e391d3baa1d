import { describe, expect, it } from 'vitest'
import { rmsNorm } from '../src/compositions.js'
import { evaluate } from '../src/evaluate.js'
import { checkLimits } from '../src/limits/check.js'
import { lower } from '../src/limits/lower.js'
import { parse } from '../src/parser.js'
import { print } from '../src/printer.js'
import { build, lowered, randomTensor, shape, unary } from './lowering.js'

describe('repairs', () => {
  it('write attention out, with no mask, a number to add or a bool to keep', () => {
    for (const mask of [undefined, 'fp16', 'bool'] as const) {
      const program = build((b) => {
        const [query, key, value] = ['a', 'b', 'c'].map((name) => b.input(name, 'fp16', [1, 2, 8, 16]))
        const causal = Float32Array.from({ length: 64 }, (_, i) => (i % 8 > Math.floor(i / 8) ? 1 : 0))
        const attn_mask =
          mask &&
          b.constant(mask, [8, 8], mask === 'bool' ? causal.map((x) => 1 - x) : causal.map((x) => (x ? -65504 : 0)))
        b.output(b.op('scaled_dot_product_attention', { query, key, value, ...(attn_mask && { attn_mask }) }), 'z')
      })
      const { ids, ops } = lowered(program)
      expect(ids).toContain('explicit-attention')
      expect(ops.has('scaled_dot_product_attention')).toBe(false)
    }
  })

  it('split gelu, silu and square', () => {
    for (const mode of ['EXACT', 'TANH_APPROXIMATION', 'SIGMOID_APPROXIMATION']) {
      const { ops } = lowered(unary('gelu', { mode }), { scale: 6 })
      expect(ops.has('gelu')).toBe(false)
    }
    expect(lowered(unary('gelu', { mode: 'EXACT' }), { scale: 60000 }).ids).toContain('split-activations')
    for (const op of ['silu', 'square']) expect(lowered(unary(op)).ops.has(op)).toBe(false)
  })

  it('split layer_norm and l2_norm, for large and small numbers, and zeros', () => {
    const norm = build((b) => {
      const [gamma, beta] = [3, 4].map((seed) =>
        b.constant('fp16', [64], randomTensor([64], seed).data as Float32Array),
      )
      b.output(b.layerNorm({ x: b.input('a', 'fp16', [1, 8, 64]), axes: [-1], gamma, beta }), 'z')
    })
    for (const scale of [0.01, 1, 200]) {
      expect(lowered(norm, { scale, tolerance: 4e-3 }).ops.has('layer_norm')).toBe(false)
      expect(lowered(unary('l2_norm', {}, [1, 4, 4, 8]), { scale: Math.min(scale, 40) }).ops.has('l2_norm')).toBe(false)
    }
    const zeros = { a: { dtype: 'fp16', shape: [1, 4, 4, 8], data: new Float32Array(128) } } as const
    const { program } = lower(unary('l2_norm', {}, [1, 4, 4, 8]), { chip: 'm5' })
    expect(evaluate(program, zeros).z.data).toEqual(zeros.a.data)
  })

  it('add the bias of a convolution afterwards', () => {
    const program = build((b) => {
      const weight = b.constant('fp16', [4, 8, 1, 1], randomTensor([4, 8, 1, 1], 5).data as Float32Array)
      const bias = b.constant('fp16', [4], [1, 2, 3, 4])
      b.output(b.conv({ x: b.input('a', 'fp16', shape), weight, bias }), 'z')
    })
    const { ids, program: result } = lowered(program)
    expect(ids).toContain('separate-bias')
    expect(result.functions[0].operations.find(({ op }) => op === 'conv')?.operands.bias).toBeUndefined()
  })

  it('write roots and quotients as powers', () => {
    const positive = (op: string, operands: Record<string, unknown> = {}) =>
      build((b) => {
        const a = b.input('a', 'fp16', shape)
        b.output(b.op(op, { x: b.add({ x: b.mul({ x: a, y: a }), y: 0.25 }), ...operands } as never), 'z')
      })
    for (const op of ['rsqrt', 'sqrt', 'inverse']) expect(lowered(positive(op)).ops.has(op)).toBe(false)
    expect(lowered(positive('rsqrt', { epsilon: 0.5 })).ids).toContain('power-roots')
    const quotient = build((b) => {
      const a = b.input('a', 'fp16', shape)
      const y = b.add({ x: b.mul({ x: a, y: a }), y: 0.25 })
      b.output(b.realDiv({ x: b.realDiv({ x: a, y }), y: 4 }), 'z')
    })
    const { ids, ops } = lowered(quotient)
    expect(ids).toContain('multiply-reciprocals')
    expect(ops.has('real_div')).toBe(false)
  })

  it('join repeats and stacks, and slice splits', () => {
    const tiled = unary('tile', { reps: [2, 1, 1, 19] })
    expect(lowered(tiled, { chip: 'm3', tolerance: 0 }).ids).toContain('join-repeats')
    expect(lowered(unary('tile', { reps: [1, 1, 1, 1] }), { chip: 'm3', tolerance: 0 }).ops.has('tile')).toBe(false)
    const stacked = build((b) => {
      const values = ['a', 'b'].map((name) => b.input(name, 'fp16', [8, 32]))
      b.output(b.op('stack', { values, axis: 1 }), 'z')
    })
    expect(lowered(stacked, { chip: 'm5', tolerance: 0 }).ops.has('stack')).toBe(false)
    const split = build((b) => {
      const parts = b.split({ x: b.input('a', 'fp16', shape), split_sizes: [3, 5], axis: -3 })
      for (const [i, part] of parts.entries()) b.output(part, `z${i}`)
    })
    expect(lowered(split, { tolerance: 0 }).ids).toContain('slice-splits')
  })

  it('multiply by 0 before a reduction', () => {
    const program = build((b) => {
      const total = b.reduceSum({ x: b.input('a', 'fp16', shape), axes: [1], keep_dims: true })
      b.output(b.add({ x: b.mul({ x: total, y: 0 }), y: 1 }), 'z')
    })
    expect(lowered(program, { chip: 'm1', tolerance: 0 }).ids).toContain('drop-zero-products')
    expect(
      checkLimits(lower(program, { chip: 'm1' }).program, { chip: 'm1' }).some(({ rule }) => rule === 'C-41'),
    ).toBe(false)
  })

  it('complete inner sizes with zeros, transposed or not', () => {
    for (const [transpose_x, transpose_y] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ]) {
      const program = build((b) => {
        const x = b.input('a', 'fp16', transpose_x ? [1, 2, 20, 8] : [1, 2, 8, 20])
        const y = b.input('b', 'fp16', transpose_y ? [1, 1, 16, 20] : [1, 1, 20, 16])
        b.output(b.matmul({ x, y, transpose_x, transpose_y }), 'z')
      })
      const { ids, program: result, blobs } = lowered(program, { chip: 'm1' })
      expect(ids).toContain('pad-inner-dimensions')
      expect(checkLimits(result, { chip: 'm1' }).some(({ rule }) => rule === 'C-58')).toBe(false)
      expect([...blobs.keys()].every((path) => path.includes('zeros_fp16_'))).toBe(true)
    }
  })

  it('scale an RMSNorm by its mean magnitude, in every range', () => {
    const program = build((b) => {
      const gain = b.constant('fp16', [1, 64, 1, 1], new Float32Array(64).fill(1))
      b.output(rmsNorm(b, b.input('a', 'fp16', [1, 64, 1, 32]), gain, { eps: 1e-5 }), 'z')
    })
    for (const scale of [1e-4, 1e-2, 1, 300, 60000]) {
      const { ids, ops } = lowered(program, { scale, tolerance: 5e-3 })
      expect(ids).toContain('scale-by-mean')
      expect(['abs', 'maximum', 'reduce_max', 'real_div'].some((op) => ops.has(op))).toBe(false)
    }
    const spike = new Float32Array(64 * 32)
    for (let s = 0; s < 32; s++) spike[(s % 64) * 32 + s] = 2 ** (s - 16)
    const inputs = { a: { dtype: 'fp16', shape: [1, 64, 1, 32], data: spike } } as const
    const [exact, own] = [
      evaluate(program, inputs, { round: false }),
      evaluate(lower(program, { chip: 'm4' }).program, inputs),
    ]
    for (const [i, x] of Array.from(exact.z.data as Float64Array).entries()) {
      expect(Math.abs(Number(own.z.data[i]) - x)).toBeLessThanOrEqual(0.02 * Math.abs(x) + 1e-4)
    }
  })

  it('keep a scale that an output depends on', () => {
    const program = build((b) => {
      const a = b.input('a', 'fp16', shape)
      const largest = b.reduceMax({ x: b.abs({ x: a }), axes: [1], keep_dims: true })
      const inverse = b.realDiv({ x: 1, y: b.maximum({ x: largest, y: 0.5 }) })
      b.output(b.mul({ x: a, y: inverse }), 'z')
    })
    const { ids, ops } = lowered(program)
    expect(ids).not.toContain('scale-by-mean')
    expect(ops.has('reduce_max')).toBe(true)
  })

  it('return computed values instead of identities and inputs', () => {
    expect(lowered(unary('identity'), { chip: 'm5', tolerance: 0 }).ops.has('identity')).toBe(false)
    const passed = parse(print(unary('relu')).replace('-> (z)', '-> (a)'))
    expect(lower(passed, { chip: 'm4' }).program.functions[0].outputs[0].name).toBe('a_output')
  })
})
