/** Operations of one operand that treat every element alike. */

import type { Value } from '../ir.js'
import { erf } from './erf.js'
import { computed, elements, FLOATS, NUMBERS, operand, option } from './operands.js'
import type { Builder, Gradients, OperandSpec, OpRow, VjpCall } from './row.js'

/** Derivative of an elementwise operation: the gradient of `x` from `x`, the result `y` and its gradient `dy`. */
type Derivative = (b: Builder, of: { x: Value; y: Value; dy: Value; call: VjpCall }) => Value

interface Unary {
  types?: readonly (typeof NUMBERS)[number][]
  epsilon?: number
  derivative?: Derivative
}

function unary(op: string, compute: (x: number, epsilon: number) => number, more: Unary = {}): OpRow {
  const operands: OperandSpec[] = [operand('x', 'T')]
  if (more.epsilon !== undefined) operands.push(option('epsilon', 'U', more.epsilon))
  const { derivative } = more
  return {
    op,
    opset: 'ios15',
    operands,
    types: { T: more.types ?? FLOATS, U: FLOATS },
    infer: (call) => [call.type('x')],
    evaluate(call) {
      const x = elements(call.tensor('x'))
      const epsilon = more.epsilon === undefined ? 0 : call.number('epsilon')
      const out = computed(call)
      for (let i = 0; i < x.length; i++) out.data[i] = compute(x[i], epsilon)
      return [out]
    },
    ...(derivative && { vjp: (call: VjpCall) => unaryGradient(call, derivative) }),
  }
}

/** Builds the gradient of `x` for a row with one differentiable operand; asking for `x` or `y` is what keeps them. */
export function unaryGradient(call: VjpCall, derivative: Derivative): Gradients {
  const dy = call.dy[0]
  if (!dy || !call.needs('x')) return {}
  const of = {
    get x() {
      return call.value('x')
    },
    get y() {
      return call.y[0]
    },
    dy,
    call,
  }
  return { x: derivative(call.b, of) }
}

/** Chain of products, left to right, so that a small gradient comes before large factors. */
export function product(b: Builder, first: Value, ...factors: (Value | number)[]): Value {
  return factors.reduce<Value>((x, y) => b.op('mul', { x, y }), first)
}

/** Half to even. */
export function roundHalfEven(x: number): number {
  const below = Math.floor(x)
  const rest = x - below
  if (rest < 0.5 || (rest === 0.5 && below % 2 === 0)) return below === 0 && x < 0 ? -0 : below
  return below + 1 === 0 ? -0 : below + 1
}

/** 1 / (1 + e⁻ˣ) without overflow. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x))
  const e = Math.exp(x)
  return e / (1 + e)
}

/** ln(1 + eˣ) without overflow. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
}

/** Zero where `cond` does not hold. */
export function where(b: Builder, cond: Value, value: Value): Value {
  return b.op('select', { cond, a: value, b: 0 })
}

const oneMinus = (b: Builder, y: Value): Value => b.op('sub', { x: 1, y })

export const elementwiseUnary: readonly OpRow[] = [
  unary('abs', Math.abs, {
    types: NUMBERS,
    derivative: (b, { x, dy }) => product(b, dy, b.op('sign', { x })),
  }),
  unary('acos', Math.acos),
  unary('asin', Math.asin),
  unary('atan', Math.atan, {
    derivative: (b, { x, dy }) => b.op('real_div', { x: dy, y: b.op('add', { x: b.op('mul', { x, y: x }), y: 1 }) }),
  }),
  unary('atanh', Math.atanh),
  unary('ceil', Math.ceil),
  unary('cos', Math.cos, { derivative: (b, { x, dy }) => product(b, dy, b.op('sin', { x }), -1) }),
  unary('cosh', Math.cosh, { derivative: (b, { x, dy }) => product(b, dy, b.op('sinh', { x })) }),
  unary('erf', erf, {
    derivative: (b, { x, dy }) => product(b, dy, b.op('exp', { x: product(b, x, x, -1) }), 2 / Math.sqrt(Math.PI)),
  }),
  unary('exp', Math.exp, { derivative: (b, { y, dy }) => product(b, dy, y) }),
  unary('exp2', (x) => 2 ** x, { types: NUMBERS, derivative: (b, { y, dy }) => product(b, dy, y, Math.LN2) }),
  unary('floor', Math.floor),
  unary('round', roundHalfEven),
  unary('sign', (x) => (x > 0 ? 1 : x < 0 ? -1 : x === 0 ? 0 : x), { types: NUMBERS }),
  unary('sin', Math.sin, { derivative: (b, { x, dy }) => product(b, dy, b.op('cos', { x })) }),
  unary('sinh', Math.sinh, { derivative: (b, { x, dy }) => product(b, dy, b.op('cosh', { x })) }),
  unary('sqrt', Math.sqrt, {
    derivative: (b, { y, dy }) => b.op('real_div', { x: b.op('mul', { x: dy, y: 0.5 }), y }),
  }),
  unary('square', (x) => x * x, { types: NUMBERS, derivative: (b, { x, dy }) => product(b, dy, x, 2) }),
  unary('tan', Math.tan, {
    derivative: (b, { y, dy }) => product(b, dy, b.op('add', { x: b.op('mul', { x: y, y }), y: 1 })),
  }),
  unary('tanh', Math.tanh, {
    derivative: (b, { y, dy }) => product(b, dy, oneMinus(b, b.op('mul', { x: y, y }))),
  }),
  unary('relu', (x) => Math.max(x, 0), {
    derivative: (b, { x, dy }) => where(b, b.op('greater', { x, y: 0 }), dy),
  }),
  unary('relu6', (x) => Math.min(Math.max(x, 0), 6), {
    derivative: (b, { x, dy }) => {
      const inside = { x: b.op('greater', { x, y: 0 }), y: b.op('less', { x, y: 6 }) }
      return where(b, b.op('logical_and', inside), dy)
    },
  }),
  unary('sigmoid', sigmoid, { derivative: (b, { y, dy }) => product(b, dy, y, oneMinus(b, y)) }),
  // Its limit where -∞ · 0 is none.
  unary('silu', (x) => (x === -Infinity ? -0 : x * sigmoid(x)), {
    derivative: (b, { x, y, dy }) => {
      const s = b.op('sigmoid', { x })
      return product(b, dy, b.op('add', { x: s, y: product(b, y, oneMinus(b, s)) }))
    },
  }),
  unary('softplus', softplus, { derivative: (b, { x, dy }) => product(b, dy, b.op('sigmoid', { x })) }),
  unary('softsign', (x) => x / (1 + Math.abs(x)), {
    derivative: (b, { y, dy }) => {
      const slope = oneMinus(b, b.op('abs', { x: y }))
      return product(b, dy, slope, slope)
    },
  }),
  unary('log', (x, epsilon) => Math.log(x + epsilon), {
    epsilon: 1e-45,
    derivative: (b, { x, dy, call }) => {
      const epsilon = call.number('epsilon')
      const shifted = call.has('epsilon') && epsilon > 0 ? b.op('add', { x, y: epsilon }) : x
      return b.op('real_div', { x: dy, y: shifted })
    },
  }),
  unary('rsqrt', (x, epsilon) => 1 / Math.sqrt(x + epsilon), {
    epsilon: 1e-12,
    derivative: (b, { y, dy }) => product(b, dy, -0.5, y, y, y),
  }),
  unary('inverse', (x, epsilon) => 1 / (x + epsilon), {
    epsilon: 1e-4,
    derivative: (b, { y, dy }) => product(b, dy, -1, y, y),
  }),
]
