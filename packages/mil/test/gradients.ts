/** Running a program and its derivative: gradients by input name, weights from their pairs. */

import { evaluate } from '../src/evaluate.js'
import { type GradOptions, type GradPrograms, grad } from '../src/grad.js'
import type { BlobFiles, Dtype, Program, TensorType } from '../src/ir.js'
import { elementCount, type Tensor } from '../src/tensor.js'

export interface GradientRun {
  programs: GradPrograms
  outputs: Record<string, Tensor>
  gradients: Record<string, Float64Array>
}

/** Makes a tensor of `dtype` from numbers that are representable in it. */
export function tensor(dtype: Dtype, shape: readonly number[], data: ArrayLike<number>): Tensor {
  return { dtype, shape: [...shape], data: Float32Array.from(data) }
}

/** Shape of a program's input. */
export function inputShape(program: Program, name: string): number[] {
  const value = program.functions[0].inputs.find((input) => input.name === name)!
  return (value.type as TensorType).shape as number[]
}

/** Runs forward and backward; `dy` are the gradients of the outputs. */
export function runGradients(
  program: Program,
  inputs: Record<string, Tensor>,
  dy: Record<string, Tensor>,
  options: GradOptions & { round?: boolean; blobs?: BlobFiles },
): GradientRun {
  const { round = true, blobs } = options
  const programs = grad(program, options)
  const outputs = evaluate(programs.forward, inputs, { round, blobs })
  const known: Record<string, Tensor> = { ...inputs, ...outputs }
  for (const [name, value] of Object.entries(dy)) known[`d_${name}`] = value
  const needed = programs.backward.functions[0].inputs.map(({ name }) => [name, known[name]] as const)
  const files = new Map([...(blobs ?? []), ...programs.blobs])
  const backward = evaluate(programs.backward, Object.fromEntries(needed), { round, blobs: files })
  const gradients: Record<string, Float64Array> = {}
  for (const name of options.wrt) gradients[name] = Float64Array.from(backward[`d_${name}`].data as Float32Array)
  for (const { weight, kind, x, dy: dz } of programs.pairs) {
    const [a, b] = [x, dz].map((end) =>
      end.from === 'forward' ? known[end.name] : (backward[end.name] ?? known[end.name]),
    )
    const size = elementCount(inputShape(program, weight))
    const total = (gradients[weight] ??= new Float64Array(size))
    if (kind === 'matmul') addProduct(total, a, b)
    else addScale(total, a, b)
  }
  return { programs, outputs, gradients }
}

function addProduct(total: Float64Array, x: Tensor, dy: Tensor): void {
  const [, inner, , S] = x.shape
  const out = dy.shape[1]
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < inner; i++) {
      for (let s = 0; s < S; s++) total[o * inner + i] += Number(dy.data[o * S + s]) * Number(x.data[i * S + s])
    }
  }
}

function addScale(total: Float64Array, x: Tensor, dy: Tensor): void {
  const [, C, , S] = x.shape
  for (let c = 0; c < C; c++) {
    for (let s = 0; s < S; s++) total[c % total.length] += Number(dy.data[c * S + s]) * Number(x.data[c * S + s])
  }
}
