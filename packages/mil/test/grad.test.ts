import { describe, expect, it } from 'vitest'
import { relativeL2 } from '../../../test/shared/errors.js'
import { type BuiltProgram, buildProgram } from '../src/builder.js'
import { rmsNorm } from '../src/compositions.js'
import { evaluate } from '../src/evaluate.js'
import { roundToFp16 } from '../src/fp16.js'
import { type GradOptions, grad } from '../src/grad.js'
import type { Dtype } from '../src/ir.js'
import { print } from '../src/printer.js'
import { elementCount, type Tensor } from '../src/tensor.js'
import { verify } from '../src/verify.js'
import { inputShape, runGradients, tensor } from './gradients.js'
import { attentionBlock, mlpBlock } from './half-blocks.js'

/** Reproducible numbers between -1 and 1 with few bits, so that fp16 holds them. */
function noise(size: number, seed: number): Float32Array {
  let state = seed * 2654435761 + 12345
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return ((state >>> 16) % 1024) / 512 - 1
  })
}

function randomInputs(built: BuiltProgram, dtype: Dtype): Record<string, Tensor> {
  const { inputs } = built.program.functions[0]
  return Object.fromEntries(
    inputs.map(({ name }, i) => {
      const shape = inputShape(built.program, name)
      return [name, tensor(dtype, shape, noise(elementCount(shape), i + 1))]
    }),
  )
}

/** Compares every gradient with central differences of Σ dy · y in binary64. */
function checkNumerically(built: BuiltProgram, options: Pick<GradOptions, 'weights' | 'taps'> & { wrt?: string[] }) {
  const inputs = randomInputs(built, 'fp32')
  const { program, blobs, detached } = built
  const ys = evaluate(program, inputs, { round: false, blobs })
  const dy = Object.fromEntries(
    Object.entries(ys).map(([name, y], i) => [name, tensor('fp32', y.shape, noise(y.data.length, 50 + i))]),
  )
  const wrt = options.wrt ?? ['x']
  const run = runGradients(program, inputs, dy, { ...options, wrt, detached, blobs, round: false })
  const loss = (changed: Record<string, Tensor>): number => {
    const outputs = evaluate(program, changed, { round: false, blobs })
    let total = 0
    for (const [name, y] of Object.entries(outputs))
      y.data.forEach((v, i) => void (total += Number(v) * Number(dy[name].data[i])))
    return total
  }
  for (const name of [...wrt, ...options.weights]) {
    const { data, shape, dtype } = inputs[name]
    const step = Math.max(1, Math.floor(data.length / 9))
    const places = Array.from({ length: Math.ceil(data.length / step) }, (_, i) => i * step)
    const slopes = places.map((at) => {
      const shifted = (h: number) => {
        const moved = Float64Array.from(data as Float32Array)
        moved[at] += h
        return loss({ ...inputs, [name]: { dtype, shape, data: moved } })
      }
      return (shifted(1e-4) - shifted(-1e-4)) / 2e-4
    })
    const found = places.map((at) => run.gradients[name][at])
    expect(relativeL2(found, slopes), name).toBeLessThan(1e-5)
  }
  return run
}

const attentionWeights = ['input_layernorm', 'q_proj', 'k_proj', 'v_proj', 'q_norm', 'k_norm', 'o_proj']
const mlpWeights = ['post_attention_layernorm', 'gate_proj', 'up_proj', 'down_proj']

describe('grad', () => {
  for (const taps of [[], ['normed', 'q', 'k', 'v', 'attention'], ['probs', 'q_heads']]) {
    it(`differentiates an attention block with ${taps.length} taps (${taps.join(', ')})`, () => {
      const { programs } = checkNumerically(attentionBlock('fp32'), { weights: attentionWeights, taps })
      expect(programs.forward.functions[0].outputs.map(({ name }) => name)).toEqual(['y', ...taps])
    })
  }

  for (const taps of [[], ['normed', 'gate', 'up'], ['hidden']]) {
    it(`differentiates a gated MLP with ${taps.length} taps (${taps.join(', ')})`, () => {
      checkNumerically(mlpBlock('fp32'), { weights: mlpWeights, taps })
    })
  }

  it('yields fp16 gradients close to those of fp32', () => {
    for (const [block, weights] of [
      [attentionBlock, attentionWeights],
      [mlpBlock, mlpWeights],
    ] as const) {
      const run = (dtype: Dtype) => {
        const built = block(dtype)
        const inputs = randomInputs(built, dtype)
        const dy = { y: tensor(dtype, inputs.x.shape, noise(inputs.x.data.length, 9)) }
        return runGradients(built.program, inputs, dy, { ...built, wrt: ['x'], weights, taps: [] }).gradients
      }
      const [half, single] = [run('fp16'), run('fp32')]
      for (const name of Object.keys(single)) expect(relativeL2(half[name], single[name]), name).toBeLessThan(1e-2)
    }
  })

  it('never computes again what a tap provides', () => {
    const built = mlpBlock('fp16')
    const options = { wrt: ['x'], weights: mlpWeights, detached: built.detached }
    const names = (taps: string[]) => {
      const [func] = grad(built.program, { ...options, taps }).backward.functions
      return { inputs: func.inputs.map(({ name }) => name), ops: func.operations.map(({ op }) => op) }
    }
    const tapped = names(['gate', 'up', 'normed'])
    expect(tapped.inputs).toEqual([
      'x',
      'post_attention_layernorm',
      'gate_proj',
      'up_proj',
      'down_proj',
      'gate',
      'up',
      'd_y',
    ])
    expect(tapped.ops.filter((op) => op === 'matmul')).toHaveLength(3)
    expect(names([]).ops.filter((op) => op === 'matmul')).toHaveLength(5)
  })

  it('takes x of a pair from the forward program when that exposes it', () => {
    const { program, detached } = mlpBlock('fp16')
    const { pairs } = grad(program, { wrt: ['x'], weights: mlpWeights, taps: ['normed', 'hidden'], detached })
    const byWeight = Object.fromEntries(pairs.map((pair) => [pair.weight, pair]))
    expect(byWeight.gate_proj.x).toEqual({ from: 'forward', name: 'normed' })
    expect(byWeight.down_proj).toEqual({
      weight: 'down_proj',
      kind: 'matmul',
      x: { from: 'forward', name: 'hidden' },
      dy: { from: 'backward', name: 'd_y' },
    })
    expect(byWeight.post_attention_layernorm.kind).toBe('scale')
    expect(byWeight.post_attention_layernorm.x.from).toBe('backward')
  })

  it('writes programs that verify, the same every time', () => {
    const text = () => {
      const { program, detached } = attentionBlock('fp16')
      const { forward, backward } = grad(program, { wrt: ['x'], weights: attentionWeights, taps: ['q'], detached })
      for (const each of [forward, backward]) {
        expect(verify(each).filter(({ severity }) => severity === 'error')).toEqual([])
      }
      return print(forward) + print(backward)
    }
    expect(text()).toBe(text())
  })

  it('sums the gradients of every use of a value and of a weight', () => {
    const built = buildProgram({}, (b) => {
      const x = b.input('x', 'fp32', [1, 4, 1, 3])
      const g = b.input('g', 'fp32', [1, 4, 1, 1])
      const once = b.mul({ x, y: g })
      b.output(b.add({ x: b.mul({ x: once, y: g }), y: b.mul({ x, y: x }) }), 'y')
      b.output(b.exp({ x: once }), 'z')
    })
    const { programs } = checkNumerically(built, { weights: ['g'], taps: [] })
    expect(programs.pairs.map(({ weight }) => weight)).toEqual(['g', 'g'])
  })

  for (const [left, flip, turn] of [0, 1, 2, 3, 4, 5, 6, 7].map((bits) =>
    [bits & 1, bits & 2, bits & 4].map(Boolean),
  )) {
    const side = `${left ? 'left' : 'right'}${flip ? ', transposed' : ''}${turn ? ', activations transposed' : ''}`
    it(`pairs a weight that is a matrix of a product (${side})`, () => {
      const built = buildProgram({}, (b) => {
        const w = b.input('w', 'fp32', [1, 5, 1, 3])
        const matrix = b.reshape({ x: w, shape: [1, 1, 5, 3] })
        const perm = [0, 1, 3, 2]
        // The product is W·x on the left and xᵀ·Wᵀ on the right; `flip` moves one transposition into the operation.
        const weight = left === flip ? b.transpose({ x: matrix, perm }) : matrix
        const x = b.input('x', 'fp32', left === turn ? [2, 2, 4, 3] : [2, 2, 3, 4])
        const result = left
          ? b.matmul({ x: weight, y: x, transpose_x: flip, transpose_y: turn })
          : b.matmul({ x, y: weight, transpose_x: turn, transpose_y: flip })
        b.output(b.exp({ x: result }), 'y')
      })
      checkNumerically(built, { weights: ['w'], taps: [] })
    })
  }

  it('pairs the weight of a linear layer and of a 1×1 convolution', () => {
    const layer = buildProgram({}, (b) => {
      const weight = b.reshape({ x: b.input('w', 'fp32', [1, 5, 1, 3]), shape: [5, 3] })
      b.output(b.tanh({ x: b.linear({ x: b.input('x', 'fp32', [2, 4, 3]), weight }) }), 'y')
    })
    checkNumerically(layer, { weights: ['w'], taps: [] })
    const convolution = buildProgram({}, (b) => {
      const weight = b.reshape({ x: b.input('w', 'fp32', [1, 5, 1, 3]), shape: [5, 3, 1, 1] })
      b.output(b.tanh({ x: b.conv({ x: b.input('x', 'fp32', [2, 3, 2, 4]), weight }) }), 'y')
    })
    checkNumerically(convolution, { weights: ['w'], taps: [] })
  })

  it('pairs a gain along the last axis, and one of each head', () => {
    const built = buildProgram({}, (b) => {
      const x = b.input('x', 'fp32', [2, 3, 4])
      const last = b.reshape({ x: b.input('w', 'fp32', [1, 4, 1, 1]), shape: [4] })
      const heads = b.reshape({ x: b.input('h', 'fp32', [1, 3, 1, 1]), shape: [1, 3, 1] })
      b.output(b.exp({ x: b.mul({ x: b.mul({ x, y: last }), y: heads }) }), 'y')
    })
    checkNumerically(built, { weights: ['w', 'h'], taps: [] })
  })

  it('refuses a weight that is no matrix of the product', () => {
    const { program } = buildProgram({}, (b) => {
      const w = b.reshape({ x: b.input('w', 'fp16', [1, 6, 1, 4]), shape: [1, 2, 3, 4] })
      b.output(b.matmul({ x: w, y: b.input('x', 'fp16', [1, 2, 4, 5]) }), 'y')
    })
    expect(() => grad(program, { wrt: ['x'], weights: ['w'], taps: [] })).toThrow(
      /Expected w as the matrix .* got matmul y/,
    )
  })

  it('gives detached values no gradient', () => {
    const { program } = buildProgram({}, (b) => {
      const x = b.input('x', 'fp32', [1, 2, 1, 1])
      b.output(b.mul({ x, y: b.exp({ x }, 'e') }), 'y')
    })
    const inputs = { x: tensor('fp32', [1, 2, 1, 1], [0, 1]) }
    const dy = { y: tensor('fp32', [1, 2, 1, 1], [1, 1]) }
    const { gradients } = runGradients(program, inputs, dy, { wrt: ['x'], weights: [], taps: [], detached: ['e'] })
    expect(Array.from(gradients.x, (v) => v.toFixed(4))).toEqual(['1.0000', '2.7183'])
  })

  it('gives wrt inputs with equal gradients an output each', () => {
    const { program } = buildProgram({}, (b) => {
      b.output(b.add({ x: b.input('x', 'fp16', [1, 4, 1, 2]), y: b.input('z', 'fp16', [1, 4, 1, 2]) }), 'y')
    })
    const { backward } = grad(program, { wrt: ['x', 'z'], weights: [], taps: [] })
    expect(backward.functions[0].outputs.map(({ name }) => name)).toEqual(['d_x', 'd_z'])
  })

  it('refuses weights without a pair, unknown names and inputs nothing depends on', () => {
    const { program } = buildProgram({}, (b) => {
      const x = b.input('x', 'fp16', [1, 4, 1, 2])
      const bias = b.input('bias', 'fp16', [1, 4, 1, 1])
      b.input('unused', 'fp16', [1, 4, 1, 2])
      b.output(b.add({ x, y: bias }), 'y')
    })
    const options = { wrt: ['x'], weights: [], taps: [] }
    expect(() => grad(program, { ...options, weights: ['bias'] })).toThrow(/Expected bias as the matrix .* got add y\./)
    expect(() => grad(program, { ...options, taps: ['nothing'] })).toThrow(
      /Expected a computed value for taps of main, got nothing/,
    )
    expect(() => grad(program, { ...options, wrt: ['unused'] })).toThrow(/depends on it for wrt, got unused/)
  })

  it('refuses a weight among others of a list', () => {
    const { program } = buildProgram({}, (b) => {
      const [x, w] = [b.input('x', 'fp16', [1, 4, 1, 2]), b.input('w', 'fp16', [1, 4, 1, 2])]
      b.output(b.concat({ values: [x, w], axis: 1, interleave: false }), 'y')
    })
    expect(() => grad(program, { wrt: ['x'], weights: ['w'], taps: [] })).toThrow(
      /^Expected w as the matrix .* concat y/,
    )
  })
})

describe('rmsNorm', () => {
  const run = (dtype: Dtype, x: ArrayLike<number>, C: number) => {
    const S = x.length / C
    const built = buildProgram({}, (b) => {
      const value = b.input('x', dtype, [1, C, 1, S])
      b.output(rmsNorm(b, value, b.input('w', dtype, [1, C, 1, 1]), { eps: 1e-6 }), 'y')
    })
    const inputs = { x: tensor(dtype, [1, C, 1, S], x), w: tensor(dtype, [1, C, 1, 1], new Float32Array(C).fill(1)) }
    const dy = { y: tensor(dtype, [1, C, 1, S], noise(C * S, 3)) }
    return runGradients(built.program, inputs, dy, { ...built, wrt: ['x'], weights: ['w'], taps: [] })
  }

  for (const [what, scale] of [
    ['subnormal', 2 ** -16],
    ['small', 2 ** -10],
    ['usual', 1],
    ['large', 512],
    ['the largest', 65504],
  ] as const) {
    it(`keeps fp16 precision for ${what} activations`, () => {
      const x = noise(64 * 4, 7).map((v) => roundToFp16(v * scale))
      const [half, single] = [run('fp16', x, 64), run('fp32', x, 64)]
      expect(relativeL2(half.outputs.y.data, single.outputs.y.data)).toBeLessThan(2e-3)
      expect(relativeL2(half.gradients.w, single.gradients.w)).toBeLessThan(2e-3)
      if (scale < 65504) expect(relativeL2(half.gradients.x, single.gradients.x)).toBeLessThan(scale > 1 ? 1e-2 : 2e-3)
    })
  }

  it('refuses an axis the value has not and an eps that is not positive', () => {
    const norm = (options: { eps: number; axis?: number }) =>
      buildProgram({}, (b) => {
        const [x, w] = [b.input('x', 'fp16', [1, 4, 1, 2]), b.input('w', 'fp16', [1, 4, 1, 1])]
        b.output(rmsNorm(b, x, w, options), 'y')
      })
    expect(() => norm({ eps: 1e-5, axis: -3 })).toThrow(/\[1,4,1,2\] for axis, got -3/)
    expect(() => norm({ eps: 0 })).toThrow('Expected a positive number for eps, got 0.')
    expect(() => norm({ eps: Number.NaN })).toThrow(/eps, got NaN/)
  })

  it('stays finite for one outlier among many channels, and for zeros', () => {
    for (const C of [1024, 8192]) {
      const x = new Float32Array(C)
      const zero = run('fp16', x, C)
      expect(Array.from(zero.outputs.y.data as Float32Array).every((v) => v === 0)).toBe(true)
      x[5] = 60000
      for (const { outputs, gradients } of [zero, run('fp16', x, C)]) {
        expect(Array.from(outputs.y.data as Float32Array).every(Number.isFinite)).toBe(true)
        expect(gradients.x.every(Number.isFinite)).toBe(true)
      }
      const [half, single] = [run('fp16', x, C), run('fp32', x, C)]
      expect(relativeL2(half.outputs.y.data, single.outputs.y.data)).toBeLessThan(2e-3)
    }
  })
})
