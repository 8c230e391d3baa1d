import { describe, expect, it } from 'vitest'
import { relativeL2 } from '../../../test/shared/errors.js'
import { hasShared, sharedJson, sharedPath } from '../../../test/shared/folder.js'
import { readGolden } from '../../../test/shared/safetensors.js'
import { type Builder, buildProgram } from '../src/builder.js'
import { linear, rmsNorm, ropeHalf, silu } from '../src/compositions.js'
import type { Dtype, Value } from '../src/ir.js'
import type { Tensor } from '../src/tensor.js'
import { runGradients, tensor } from './gradients.js'

interface Golden {
  params: Record<string, number | string>
  inputs: Record<string, { tensor: string; shape: number[] }>
  outputs: Record<string, { f64: string; shape: number[]; fp16_rel_l2: number }>
  tables?: Record<string, string>
}

/** A golden operation as a program: how its tensors become inputs, and the results golden order again. */
interface Unit {
  /** Rearranges the tensor `name` to the layout of the program; `back` undoes it. */
  arrange(data: number[], shape: number[], name: string): { data: number[]; shape: number[] }
  back?(data: number[], shape: number[]): number[]
  build(b: Builder, inputs: Record<string, Value>, golden: Golden, tables: Record<string, Tensor>): Value
  weights: string[]
}

const numbers = (of: Tensor): number[] => Array.from(of.data, Number)
const count = (shape: readonly number[]): number => shape.reduce((total, dim) => total * dim, 1)

/** [.., C] rows to [1, C, 1, S]. */
function toColumns(data: number[], shape: number[]): { data: number[]; shape: number[] } {
  const C = shape.at(-1)!
  const S = data.length / C
  return { data: data.map((_, i) => data[(i % S) * C + Math.floor(i / S)]), shape: [1, C, 1, S] }
}

function fromColumns(data: number[], shape: number[]): number[] {
  const C = shape.at(-1)!
  const S = data.length / C
  return data.map((_, i) => data[(i % C) * S + Math.floor(i / C)])
}

/** Interleaved pairs (2i, 2i + 1) of the last axis to halves. */
function halves(data: number[], shape: number[], back: boolean): number[] {
  const D = shape.at(-1)!
  const half = (i: number): number => (i % 2) * (D / 2) + Math.floor(i / 2)
  const result = new Array<number>(data.length)
  data.forEach((_, at) => {
    const other = at - (at % D) + half(at % D)
    if (back) result[at] = data[other]
    else result[other] = data[at]
  })
  return result
}

const units: Record<string, Unit> = {
  rmsnorm: {
    arrange: (data, shape, name) => (name === 'w' ? { data, shape: [1, data.length, 1, 1] } : toColumns(data, shape)),
    back: fromColumns,
    build: (b, { x, w }, { params }) => rmsNorm(b, x, w, { eps: Number(params.eps) }),
    weights: ['w'],
  },
  linear: {
    arrange: (data, shape, name) =>
      name === 'w' ? { data, shape: [1, shape[0], 1, shape[1]] } : toColumns(data, shape),
    back: fromColumns,
    build: (b, { x, w }) => linear(b, w, x),
    weights: ['w'],
  },
  silu_gate: {
    arrange: toColumns,
    back: fromColumns,
    build: (builder, { a, b }) => builder.mul({ x: silu(builder, a), y: b }),
    weights: [],
  },
  attention: {
    arrange: (data, shape) => ({ data, shape }),
    build(b, { q, k, v }, { params, inputs }) {
      const [B, H, T, D] = inputs.q.shape
      const K = inputs.k.shape[1]
      const grouped = (x: Value, group: number) => b.reshape({ x, shape: [B * K, group, T, D] })
      const scores = b.matmul({ x: grouped(q, H / K), y: grouped(k, 1), transpose_y: true })
      const dtype = q.type.kind === 'tensor' ? q.type.dtype : 'fp16'
      const mask = Array.from({ length: T * T }, (_, i) => (i % T > Math.floor(i / T) ? -65504 : 0))
      const hidden = b.constant(dtype, [1, 1, T, T], mask, { name: 'mask', inline: true })
      const scaled = b.add({ x: b.mul({ x: scores, y: Number(params.scale) }), y: hidden })
      const probs = b.softmax({ x: scaled, axis: -1 }, 'probs')
      return b.reshape({ x: b.matmul({ x: probs, y: grouped(v, 1) }), shape: [B, H, T, D] })
    },
    weights: [],
  },
  rope: {
    arrange: (data, shape) => ({ data, shape }),
    build(b, { x }, { inputs }, tables) {
      const [, , T, D] = inputs.x.shape
      const dtype = x.type.kind === 'tensor' ? x.type.dtype : 'fp16'
      const [cos, sin] = ['cos', 'sin'].map((name) =>
        b.constant(dtype, [1, 1, T, D / 2], numbers(tables[name]), { name, inline: true }),
      )
      return ropeHalf(b, x, cos, sin, 3)
    },
    weights: [],
  },
}

function check(op: string, golden: Golden, tensors: Map<string, Tensor>, dtype: Dtype): void {
  const unit = units[op]
  const interleaved = golden.params.style === 'interleaved'
  const arranged = (name: string) => {
    const { tensor: stored, shape } = golden.inputs[name]
    const data = numbers(tensors.get(stored)!)
    return unit.arrange(interleaved ? halves(data, shape, false) : data, shape, name)
  }
  const names = Object.keys(golden.inputs).filter((name) => name !== 'dy')
  const inputs = Object.fromEntries(
    names.map((name) => [name, tensor(dtype, arranged(name).shape, arranged(name).data)]),
  )
  const tables = Object.fromEntries(Object.entries(golden.tables ?? {}).map(([name, at]) => [name, tensors.get(at)!]))
  const { program, detached } = buildProgram({}, (b) => {
    const values = Object.fromEntries(names.map((name) => [name, b.input(name, dtype, inputs[name].shape)]))
    b.output(unit.build(b, values, golden, tables), 'y')
  })
  const wrt = names.filter((name) => !unit.weights.includes(name))
  const { data, shape } = arranged('dy')
  const options = { wrt, weights: unit.weights, taps: [], detached }
  const { outputs, gradients } = runGradients(program, inputs, { y: tensor(dtype, shape, data) }, options)
  const results: Record<string, number[]> = { y: numbers(outputs.y) }
  for (const name of names) results[`d${name}`] = Array.from(gradients[name])
  for (const [name, actual] of Object.entries(results)) {
    const { f64, shape: own, fp16_rel_l2 } = golden.outputs[name]
    const plain = unit.weights.includes(name.slice(1)) ? actual : (unit.back?.(actual, own) ?? actual)
    const ordered = interleaved ? halves(plain, own, true) : plain
    expect(ordered).toHaveLength(count(own))
    const bound = dtype === 'fp32' ? 1e-6 : Math.max(4 * fp16_rel_l2, 2e-3)
    expect(relativeL2(ordered, numbers(tensors.get(f64)!)), name).toBeLessThanOrEqual(bound)
  }
}

describe.skipIf(!hasShared)('derivatives against PyTorch (needs ../shared)', () => {
  const all = hasShared ? sharedJson('golden/units/units.json') : {}
  for (const op of Object.keys(units)) {
    const cases: Golden[] = all[op]?.cases ?? []
    const tensors = hasShared ? readGolden(sharedPath('golden/units', `${op}.safetensors`)) : new Map()
    cases.forEach((golden, i) => {
      for (const dtype of ['fp32', 'fp16'] as const) {
        it(`computes ${op} ${i} and its gradients in ${dtype}`, () => check(op, golden, tensors, dtype))
      }
    })
  }
})
