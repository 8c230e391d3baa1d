import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../src/evaluate.js'
import type { Dtype, Literal, Operand, Program, Value } from '../src/ir.js'
import { inferTypes } from '../src/ops/call.js'
import { opRow } from '../src/ops/table.js'
import { allocate, isFloat, type Tensor } from '../src/tensor.js'
import { readSafetensors } from './safetensors.js'

const repoRoot = fileURLToPath(new URL('../../..', import.meta.url))
const folder = path.resolve(repoRoot, '../shared/golden/mil')

interface Case {
  params: Record<string, unknown>
  inputs: Record<string, { tensor: string }>
  note?: string
  output: { tensor: string }
  exact_f32_tensor?: string
  tolerance: { kind: 'bitwise' } | { kind: 'fp16_ulp'; ulp: number; atol: number }
}

/** Operands that have to be constants of a particular type; other numbers are int32 or of the type of `x`. */
function literalOf(op: string, name: string, value: unknown, float: Dtype): Literal {
  const list = Array.isArray(value) ? value : [value]
  const shape = Array.isArray(value) ? [list.length] : []
  if (typeof list[0] === 'string') {
    return { type: { kind: 'tensor', dtype: 'string', shape }, value: { kind: 'strings', data: list as string[] } }
  }
  const spec = opRow(op)?.operands.find((operand) => operand.name === name)
  const dtype = typeof spec?.types === 'string' ? float : (spec?.types[0] ?? 'int32')
  const data = allocate(dtype === 'int8' ? 'int32' : dtype, list.length)
  data.set(list.map(Number) as never)
  return {
    type: { kind: 'tensor', dtype: dtype === 'int8' ? 'int32' : dtype, shape },
    value: { kind: 'numbers', data },
  }
}

function runCase(op: string, example: Case, tensors: Map<string, Tensor>): Tensor {
  const inputs: Value[] = []
  const given: Record<string, Tensor> = {}
  const operands: Record<string, Operand> = {}
  const values: Operand[] = []
  for (const [name, { tensor }] of Object.entries(example.inputs)) {
    const { dtype, shape } = (given[name] = tensors.get(tensor)!)
    const value: Value = { name, type: { kind: 'tensor', dtype, shape } }
    inputs.push(value)
    if (/^values\d+$/.test(name)) values.push({ kind: 'value', value })
    else operands[name] = { kind: 'value', value }
  }
  if (values.length) operands.values = { kind: 'list', items: values }
  const float = Object.values(given).find(({ dtype }) => isFloat(dtype))?.dtype ?? 'fp16'
  for (const [name, param] of Object.entries(example.params)) {
    if (param === null || name in operands) continue
    operands[name] = { kind: 'literal', literal: literalOf(op, name, param, float) }
  }
  const [type] = inferTypes(opRow(op)!, operands, () => undefined)
  const y: Value = { name: 'y', type }
  const operation = { op, operands, attributes: {}, results: [y], blocks: [] }
  const main = { name: 'main', inputs, attributes: {}, operations: [operation], outputs: [y] }
  const program: Program = { version: '1.3', attributes: {}, functions: [main] }
  return evaluate(program, given).y
}

/** Distance between fp16 neighbours at `x`. */
function spacing(x: number): number {
  return Math.max(2 ** -24, 2 ** (Math.floor(Math.log2(Math.abs(x) || 2 ** -24)) - 10))
}

function worstExcess(actual: Tensor, exact: Tensor, ulp: number, atol: number): number {
  let worst = -Infinity
  for (let i = 0; i < actual.data.length; i++) {
    const [y, want] = [Number(actual.data[i]), Number(exact.data[i])]
    if (Number.isNaN(want) || Math.abs(want) >= 65520) {
      const limit = Number.isNaN(want) ? NaN : want > 0 ? Infinity : -Infinity
      if (!Object.is(y, limit)) return Infinity
    } else worst = Math.max(worst, Math.abs(y - want) - (ulp * spacing(want) + atol))
  }
  return worst
}

const present = existsSync(folder)
const goldens: Record<string, { file: string; cases: Case[] }> = present
  ? JSON.parse(readFileSync(path.join(folder, 'mil_ops.json'), 'utf8'))
  : {}

describe.skipIf(!present)('operations against golden tensors (needs ../shared)', () => {
  for (const [op, { file, cases }] of Object.entries(goldens)) {
    it(`evaluates ${op} within the stated tolerance`, () => {
      const tensors = readSafetensors(path.join(folder, file))
      for (const [i, example] of cases.entries()) {
        const label = `${op} case ${i} ${example.note ?? ''} ${JSON.stringify(example.params)}`
        const actual = runCase(op, example, tensors)
        const want = tensors.get(example.output.tensor)!
        expect([actual.dtype, actual.shape], label).toEqual([want.dtype, want.shape])
        if (example.tolerance.kind === 'bitwise') expect(actual.data, label).toEqual(want.data)
        else {
          const exact = tensors.get(example.exact_f32_tensor!)!
          const { ulp, atol } = example.tolerance
          expect(worstExcess(actual, exact, ulp, atol), label).toBeLessThanOrEqual(0)
        }
      }
    })
  }
})
