/** Arithmetic, comparisons and logic of two operands that broadcast like numpy's. */

import type { Dtype, Value } from '../ir.js'
import { tensorType } from '../literals.js'
import { broadcastStrides, isFloat, offsetsOf, type Tensor } from '../tensor.js'
import { product, where } from './elementwise-unary.js'
import { operandShape, unbroadcast } from './gradients.js'
import { computed, elements, FLOATS, NUMBERS, operand } from './operands.js'
import { type EvalCall, type Gradients, OpError, type OpRow, type VjpCall } from './row.js'
import { broadcast } from './shapes.js'

type Compute = (x: number, y: number) => number
/** Gradients of both operands before they are summed to the operands' shapes. */
type Derivative = (call: VjpCall, dy: Value) => { x?: () => Value; y?: () => Value }

interface Binary {
  /** Meaning for int32, where it is not the one for floating point. */
  integer?: Compute
  types?: readonly Dtype[]
  result?: Dtype
  derivative?: Derivative
}

function binary(op: string, compute: Compute, { integer, types = NUMBERS, result, derivative }: Binary = {}): OpRow {
  return {
    op,
    opset: 'ios15',
    operands: [operand('x', 'T'), operand('y', 'T')],
    types: { T: types },
    infer(call) {
      const [x, y] = [call.type('x'), call.type('y')]
      return [tensorType(result ?? x.dtype, broadcast(x.shape, y.shape))]
    },
    evaluate: (call) => [combine(call, isFloat(call.type('x').dtype) ? compute : (integer ?? compute))],
    ...(derivative && { vjp: (call: VjpCall) => binaryGradients(call, derivative) }),
  }
}

function combine(call: EvalCall, compute: Compute): Tensor {
  const [x, y] = [call.tensor('x'), call.tensor('y')]
  const out = computed(call)
  const { data, shape } = out
  const [a, b] = [elements(x), elements(y)]
  if (a.length === data.length && b.length === data.length) {
    for (let i = 0; i < data.length; i++) data[i] = compute(a[i], b[i])
  } else if (a.length === data.length && b.length === 1) {
    for (let i = 0; i < data.length; i++) data[i] = compute(a[i], b[0])
  } else {
    const from = offsetsOf(shape, broadcastStrides(x.shape, shape))
    const other = offsetsOf(shape, broadcastStrides(y.shape, shape))
    for (let i = 0; i < data.length; i++) data[i] = compute(a[from[i]], b[other[i]])
  }
  return out
}

function binaryGradients(call: VjpCall, derivative: Derivative): Gradients {
  const dy = call.dy[0]
  if (!dy) return {}
  const build = derivative(call, dy)
  const gradients: Gradients = {}
  for (const name of ['x', 'y'] as const) {
    const gradient = build[name]
    if (gradient && call.needs(name)) gradients[name] = unbroadcast(call, gradient(), operandShape(call, name))
  }
  return gradients
}

/** Result sign follows the divisor; x mod 0 is NaN. */
function floatMod(x: number, y: number): number {
  const rest = x % y
  return rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest
}

function divisor(y: number): number {
  if (y === 0) throw new OpError('Expected a non-zero integer for y, got 0.')
  return y
}

/** C's pow: 1 to any power is 1, also where JavaScript says NaN. */
function power(x: number, y: number): number {
  return x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y
}

function integerPower(x: number, y: number): number {
  if (y < 0) throw new OpError(`Expected a non-negative integer for y, got ${y}.`)
  let result = 1
  for (let [base, rest] = [x, y]; rest > 0; rest >>>= 1) {
    if (rest & 1) result = Math.imul(result, base)
    base = Math.imul(base, base)
  }
  return result
}

function powerGradients(call: VjpCall, dy: Value): ReturnType<Derivative> {
  const { b } = call
  const exponents = call.numbers('y')
  const slope = () => {
    if (exponents?.length !== 1) {
      const y = call.value('y')
      return product(b, dy, y, b.op('pow', { x: call.value('x'), y: b.op('sub', { x: y, y: 1 }) }))
    }
    const [exponent] = exponents
    if (exponent === -0.5) return product(b, dy, -0.5, call.y[0], call.y[0], call.y[0])
    if (exponent === 2) return product(b, dy, call.value('x'), 2)
    return product(b, dy, b.op('pow', { x: call.value('x'), y: exponent - 1 }), exponent)
  }
  return { x: slope, y: () => product(b, dy, call.y[0], b.op('log', { x: call.value('x') })) }
}

const logical = { types: ['bool'] as const }
const comparison = { result: 'bool' as const }

export const elementwiseBinary: readonly OpRow[] = [
  binary('add', (x, y) => x + y, { derivative: (_, dy) => ({ x: () => dy, y: () => dy }) }),
  binary('sub', (x, y) => x - y, { derivative: ({ b }, dy) => ({ x: () => dy, y: () => product(b, dy, -1) }) }),
  binary('mul', (x, y) => x * y, {
    integer: Math.imul,
    derivative: (call, dy) => ({
      x: () => product(call.b, dy, call.value('y')),
      y: () => product(call.b, dy, call.value('x')),
    }),
  }),
  binary('real_div', (x, y) => x / y, {
    types: FLOATS,
    derivative: (call, dy) => ({
      x: () => call.b.op('real_div', { x: dy, y: call.value('y') }),
      y: () => call.b.op('real_div', { x: product(call.b, dy, call.y[0], -1), y: call.value('y') }),
    }),
  }),
  binary('floor_div', (x, y) => Math.floor(x / y), { integer: (x, y) => Math.floor(x / divisor(y)) }),
  binary('mod', floatMod, { integer: (x, y) => floatMod(x, divisor(y)) }),
  binary('pow', power, { integer: integerPower, derivative: powerGradients }),
  binary('maximum', Math.max, { derivative: (call, dy) => extremeGradients(call, dy, 'greater_equal', 'less') }),
  binary('minimum', Math.min, { derivative: (call, dy) => extremeGradients(call, dy, 'less_equal', 'greater') }),
  binary('equal', (x, y) => Number(x === y), comparison),
  binary('not_equal', (x, y) => Number(x !== y), comparison),
  binary('less', (x, y) => Number(x < y), comparison),
  binary('less_equal', (x, y) => Number(x <= y), comparison),
  binary('greater', (x, y) => Number(x > y), comparison),
  binary('greater_equal', (x, y) => Number(x >= y), comparison),
  binary('logical_and', (x, y) => x & y, logical),
  binary('logical_or', (x, y) => x | y, logical),
  binary('logical_xor', (x, y) => x ^ y, logical),
]

/** The gradient goes to the operand that won; to `x` where both are equal. */
function extremeGradients(call: VjpCall, dy: Value, first: string, second: string): ReturnType<Derivative> {
  const operands = () => ({ x: call.value('x'), y: call.value('y') })
  return {
    x: () => where(call.b, call.b.op(first, operands()), dy),
    y: () => where(call.b, call.b.op(second, operands()), dy),
  }
}
