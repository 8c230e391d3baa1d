/** Compares the derivative of one operation with central differences of its reference meaning. */

import { expect } from 'vitest'
import { type Builder, buildProgram } from '../src/builder.js'
import { evaluate } from '../src/evaluate.js'
import type { Literal, TensorType, Value } from '../src/ir.js'
import { operandCall } from '../src/ops/call.js'
import type { OperandInput, OpRow, VjpCall } from '../src/ops/row.js'
import { opRow } from '../src/ops/table.js'
import { elementCount, type Tensor } from '../src/tensor.js'

type Shapes = Record<string, readonly number[]>

/** One operation on inputs of given shapes; `operands` says how the inputs are used. */
export interface Example {
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
export function checkGradients(op: string, example: Example, seed: number): void {
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
