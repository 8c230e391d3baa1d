/** The cases of single operations below `../shared/golden/mil`, as programs with inputs and expected outputs. */
import {
  allocate,
  type Dtype,
  evaluate,
  inferTypes,
  isFloat,
  type Literal,
  type Operand,
  opRow,
  type Program,
  type Tensor,
  type Value,
} from '@ane/mil'
import { expect } from 'vitest'
import { relativeL2, worstExcess } from './errors.js'
import { hasShared, sharedJson, sharedPath } from './folder.js'
import { readGolden } from './safetensors.js'
import { fastOperation, type MathMode } from './tolerances.js'

interface StoredCase {
  params: Record<string, unknown>
  inputs: Record<string, { tensor: string }>
  note?: string
  output: { tensor: string }
  exact_f32_tensor?: string
  tolerance: { kind: 'bitwise' } | { kind: 'fp16_ulp'; ulp: number; atol: number }
}

/** One case: a program with the output `out`, its inputs, and what has to come out. */
export interface OperationCase {
  readonly label: string
  readonly program: Program
  readonly inputs: ReadonlyMap<string, Tensor>
  readonly expected: Tensor
  /** Expects type, shape and numbers of the golden output, within the tolerance of the mode it was computed in. */
  check(actual: Tensor, math?: MathMode): void
}

const stored: Record<string, { file: string; cases: StoredCase[] }> = hasShared
  ? sharedJson('golden/mil/mil_ops.json')
  : {}

/** The operations that have cases; none where the folder is absent. */
export const goldenOperations: readonly string[] = Object.keys(stored)

/** The cases of an operation. */
export function operationCases(op: string): OperationCase[] {
  const { file, cases } = stored[op]
  const tensors = readGolden(sharedPath('golden/mil', file))
  return cases.map((example, i) => {
    const label = `${op} case ${i} ${example.note ?? ''} ${JSON.stringify(example.params)}`
    const expected = tensors.get(example.output.tensor)!
    const { program, inputs } = programOf(op, example, tensors)
    const check = ({ dtype, shape, data }: Tensor, math: MathMode = 'exact') => {
      expect([dtype, shape], label).toEqual([expected.dtype, expected.shape])
      if (example.tolerance.kind === 'bitwise') return expect(data, label).toEqual(expected.data)
      const exact = tensors.get(example.exact_f32_tensor!)!.data
      const terms = math === 'fast' && op in factorsOf ? sizeOfTerms(program, inputs, factorsOf[op]) : undefined
      const slack = terms?.map((size) => fastOperation.element * size)
      expect(worstExcess(data, exact, example.tolerance, slack), label).toBeLessThanOrEqual(0)
      if (terms !== undefined && exact.every((x) => Math.abs(Number(x)) < 65520)) {
        expect(relativeL2(data, exact), label).toBeLessThanOrEqual(fastOperation.relativeL2)
      }
    }
    return { label, program, inputs, expected, check }
  })
}

/** Operations that sum products, with those of their operands that are squared to sum the squares of the terms. */
const factorsOf: Readonly<Record<string, readonly string[]>> = {
  matmul: ['x', 'y'],
  linear: ['x', 'weight', 'bias'],
  conv: ['x', 'weight', 'bias'],
  scaled_dot_product_attention: ['value'],
}

/** The root of the sum of squares of the terms of every element. */
function sizeOfTerms(program: Program, inputs: ReadonlyMap<string, Tensor>, factors: readonly string[]): Float64Array {
  const squared = new Map(
    [...inputs].map(([name, tensor]) => {
      const data = Float32Array.from(tensor.data as ArrayLike<number>, (x) => (factors.includes(name) ? x * x : x))
      return [name, factors.includes(name) ? { ...tensor, data } : tensor]
    }),
  )
  return Float64Array.from(evaluate(program, squared, { round: false }).out.data as ArrayLike<number>, Math.sqrt)
}

/** A program of one operation; operations on constants only take their tensors as literals. */
function programOf(op: string, example: StoredCase, tensors: ReadonlyMap<string, Tensor>) {
  const inputs = new Map<string, Tensor>()
  const values: Value[] = []
  const operands: Record<string, Operand> = {}
  const list: Operand[] = []
  for (const [name, { tensor }] of Object.entries(example.inputs)) {
    const { dtype, shape, data } = tensors.get(tensor)!
    const type = { kind: 'tensor', dtype, shape } as const
    if (op.startsWith('constexpr_')) {
      operands[name] = { kind: 'literal', literal: { type, value: { kind: 'numbers', data } } }
      continue
    }
    inputs.set(name, { dtype, shape, data })
    const value: Value = { name, type }
    values.push(value)
    if (/^values\d+$/.test(name)) list.push({ kind: 'value', value })
    else operands[name] = { kind: 'value', value }
  }
  if (list.length > 0) operands.values = { kind: 'list', items: list }
  const given = Object.values(example.inputs).map(({ tensor }) => tensors.get(tensor)!.dtype)
  const float = given.find(isFloat) ?? 'fp16'
  for (const [name, param] of Object.entries(example.params)) {
    if (param === null || name in operands) continue
    operands[name] = { kind: 'literal', literal: literalOf(op, name, param, float) }
  }
  const [type] = inferTypes(opRow(op)!, operands, () => undefined)
  const out: Value = { name: 'out', type }
  const operation = { op, operands, attributes: {}, results: [out], blocks: [] }
  const main = { name: 'main', opset: 'ios18', attributes: {}, operations: [operation], inputs: values, outputs: [out] }
  const program: Program = { version: '1.3', attributes: {}, functions: [main] }
  return { program, inputs }
}

/** A parameter as a constant of the operand's type: numbers of a free type are `float`, others the first type allowed. */
function literalOf(op: string, name: string, value: unknown, float: Dtype): Literal {
  const list = Array.isArray(value) ? value : [value]
  const shape = Array.isArray(value) ? [list.length] : []
  if (typeof list[0] === 'string') {
    return { type: { kind: 'tensor', dtype: 'string', shape }, value: { kind: 'strings', data: list as string[] } }
  }
  const spec = opRow(op)?.operands.find((operand) => operand.name === name)
  const first = typeof spec?.types === 'string' ? float : (spec?.types[0] ?? 'int32')
  const dtype = first === 'int8' ? 'int32' : first
  const data = allocate(dtype, list.length)
  data.set(list.map(Number) as never)
  return { type: { kind: 'tensor', dtype, shape }, value: { kind: 'numbers', data } }
}
