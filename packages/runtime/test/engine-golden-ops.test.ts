import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  allocate,
  type Dtype,
  inferTypes,
  isFloat,
  type Literal,
  type Operand,
  opRow,
  type Program,
  print,
  type Tensor,
  type Value,
} from '@ane/mil'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readSafetensors } from '../../mil/test/safetensors.js'
import { type Device, openDevice } from '../src/index.js'
import { runProgram } from './device-runs.js'

const repoRoot = fileURLToPath(new URL('../../..', import.meta.url))
const folder = path.resolve(repoRoot, '../shared/golden/mil')
const present = existsSync(folder)

interface Case {
  params: Record<string, unknown>
  inputs: Record<string, { tensor: string }>
  note?: string
  output: { tensor: string }
  exact_f32_tensor?: string
  tolerance: { kind: 'bitwise' } | { kind: 'fp16_ulp'; ulp: number; atol: number }
}

/** A parameter as a constant of the operand's type; plain numbers are int32, fractions take the operation's type. */
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

/** The text of a program with one operation; constants-only operations take their tensors as literals. */
function programOf(op: string, example: Case, tensors: Map<string, Tensor>): [string, Map<string, Tensor>] {
  const inputs: Value[] = []
  const given = new Map<string, Tensor>()
  const operands: Record<string, Operand> = {}
  const values: Operand[] = []
  const constant = op.startsWith('constexpr_')
  for (const [name, { tensor }] of Object.entries(example.inputs)) {
    const { dtype, shape, data } = tensors.get(tensor)!
    const type = { kind: 'tensor', dtype, shape } as const
    if (constant) {
      operands[name] = { kind: 'literal', literal: { type, value: { kind: 'numbers', data } } }
      continue
    }
    given.set(name, tensors.get(tensor)!)
    inputs.push({ name, type })
    const operand: Operand = { kind: 'value', value: inputs[inputs.length - 1] }
    if (/^values\d+$/.test(name)) values.push(operand)
    else operands[name] = operand
  }
  if (values.length) operands.values = { kind: 'list', items: values }
  const float = Object.values(example.inputs)
    .map(({ tensor }) => tensors.get(tensor)!.dtype)
    .find(isFloat)
  for (const [name, param] of Object.entries(example.params)) {
    if (param === null || name in operands) continue
    operands[name] = { kind: 'literal', literal: literalOf(op, name, param, float ?? 'fp16') }
  }
  const [type] = inferTypes(opRow(op)!, operands, () => undefined)
  const out: Value = { name: 'out', type }
  const operation = { op, operands, attributes: {}, results: [out], blocks: [] }
  const main = { name: 'main', opset: 'ios18', inputs, attributes: {}, operations: [operation], outputs: [out] }
  const program: Program = { version: '1.3', attributes: {}, functions: [main] }
  return [print(program), given]
}

/** Distance between fp16 neighbours at `x`. */
const spacing = (x: number) => Math.max(2 ** -24, 2 ** (Math.floor(Math.log2(Math.abs(x) || 2 ** -24)) - 10))

/** By how much the worst element exceeds its tolerance; 0 or less is good. */
function worstExcess(actual: Tensor, exact: Tensor, ulp: number, atol: number): number {
  let worst = Number.NEGATIVE_INFINITY
  for (let i = 0; i < actual.data.length; i++) {
    const [y, want] = [Number(actual.data[i]), Number(exact.data[i])]
    if (Number.isNaN(want) || Math.abs(want) >= 65520) {
      const limit = Number.isNaN(want) ? Number.NaN : want > 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
      if (!Object.is(y, limit)) return Number.POSITIVE_INFINITY
    } else {
      const excess = Math.abs(y - want) - (ulp * spacing(want) + atol)
      if (Number.isNaN(excess)) return Number.POSITIVE_INFINITY
      worst = Math.max(worst, excess)
    }
  }
  return worst
}

const goldens: Record<string, { file: string; cases: Case[] }> = present
  ? JSON.parse(readFileSync(path.join(folder, 'mil_ops.json'), 'utf8'))
  : {}

describe.skipIf(!present)('operations on the CPU engine against golden tensors (needs ../shared)', () => {
  let device: Device
  beforeAll(async () => {
    device = await openDevice('cpu')
  })
  afterAll(() => device.dispose())

  it.each(Object.keys(goldens))('computes %s within the stated tolerance', async (op) => {
    const { file, cases } = goldens[op]
    const tensors = readSafetensors(path.join(folder, file))
    for (const [i, example] of cases.entries()) {
      const label = `${op} case ${i} ${example.note ?? ''} ${JSON.stringify(example.params)}`
      const [text, given] = programOf(op, example, tensors)
      if (tensors.get(example.output.tensor)!.shape.includes(0)) continue // no surface is empty
      const actual = (await runProgram(device, text, given)).get('out')!
      const want = tensors.get(example.output.tensor)!
      expect([actual.dtype, actual.shape], label).toEqual([want.dtype, want.shape])
      if (example.tolerance.kind === 'bitwise') expect(actual.data, label).toEqual(want.data)
      else {
        const { ulp, atol } = example.tolerance
        const exact = tensors.get(example.exact_f32_tensor!)!
        expect(worstExcess(actual, exact, ulp, atol), label).toBeLessThanOrEqual(0)
      }
    }
  })
})
