/** Lowering a program and comparing what it computes. */

import { expect } from 'vitest'
import { type Builder, buildProgram } from '../src/builder.js'
import { evaluate } from '../src/evaluate.js'
import { roundToFp16 } from '../src/fp16.js'
import type { BlobFiles, Program, TensorType } from '../src/ir.js'
import { lower } from '../src/limits/lower.js'
import { elementCount, type Tensor } from '../src/tensor.js'
import { verify } from '../src/verify.js'

type Shape = readonly number[]

/** Reproducible fp16 numbers between −scale and scale. */
export function randomTensor(shape: Shape, seed: number, scale = 2): Tensor {
  let state = seed + 1
  const data = Float32Array.from({ length: elementCount(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return roundToFp16((state / 2 ** 31 - 1) * scale)
  })
  return { dtype: 'fp16', shape, data }
}

export function inputsOf(program: Program, scale?: number): Record<string, Tensor> {
  return Object.fromEntries(
    program.functions[0].inputs.map(({ name, type }, i) => [
      name,
      randomTensor((type as TensorType).shape as number[], i, scale),
    ]),
  )
}

interface Comparison {
  readonly chip?: string
  readonly blobs?: BlobFiles
  /** Largest difference allowed, as a part of the largest magnitude. */
  readonly tolerance?: number
  readonly scale?: number
}

/** Lowers a program and checks that it still computes the same; returns what was applied and the operations left. */
export function lowered(
  program: Program,
  { chip = 'm4', blobs = new Map(), tolerance = 2e-3, scale }: Comparison = {},
) {
  const result = lower(program, { chip, blobs })
  expect(verify(result.program, { blobs: result.blobs }).filter(({ severity }) => severity === 'error')).toEqual([])
  const inputs = inputsOf(program, scale)
  const renamed = Object.fromEntries(Object.entries(inputs).map(([name, x]) => [result.renamed[name] ?? name, x]))
  const before = evaluate(program, inputs, { blobs, round: false })
  const after = evaluate(result.program, renamed, { blobs: result.blobs })
  for (const [name, { data }] of Object.entries(before)) {
    const own = after[result.renamed[name] ?? name].data
    const peak = Math.max(1e-3, ...Array.from(data as Float64Array, Math.abs))
    const worst = Math.max(...Array.from(data as Float64Array, (x, i) => Math.abs(x - Number(own[i]))))
    expect(worst, name).toBeLessThanOrEqual(tolerance * peak)
  }
  const ops = new Set(result.program.functions[0].operations.map(({ op }) => op))
  return { ...result, ops, ids: result.applied.map(({ id }) => id) }
}

export const build = (write: (b: Builder) => void) => buildProgram({ inline: true }, write).program
export const shape = [1, 8, 1, 32]
export const unary = (op: string, operands: Record<string, unknown> = {}, of: Shape = shape) =>
  build((b) => b.output(b.op(op, { x: b.input('a', 'fp16', of), ...operands } as never), 'z'))
