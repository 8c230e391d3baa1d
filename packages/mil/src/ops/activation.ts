/** Elementwise operations with constant parameters. */

import type { Value } from '../ir.js'
import { product, sigmoid, softplus, unaryGradient, where } from './elementwise-unary.js'
import { erf } from './erf.js'
import { computed, constant, elements, FLOATS, NUMBERS, operand, option } from './operands.js'
import { type EvalCall, OpError, type OpRow, type VjpCall } from './row.js'
import { needPerChannel, needRank } from './shapes.js'

type Parameters = Readonly<Record<'alpha' | 'beta', number>>
type Derivative = (call: VjpCall, of: { x: Value; y: Value; dy: Value } & Parameters) => Value

/** A row with scalar constants `alpha` and perhaps `beta`. */
function activation(
  op: string,
  names: readonly ('alpha' | 'beta')[],
  compute: (x: number, alpha: number, beta: number) => number,
  derivative?: Derivative,
  types = FLOATS,
): OpRow {
  const parameter = (call: Pick<EvalCall, 'number'>, name: 'alpha' | 'beta') =>
    names.includes(name) ? call.number(name) : 0
  return {
    op,
    opset: 'ios15',
    operands: [operand('x', 'T'), ...names.map((name) => constant(name, 'U'))],
    types: { T: types, U: types },
    infer: (call) => [call.type('x')],
    evaluate(call) {
      const x = elements(call.tensor('x'))
      const [alpha, beta] = [parameter(call, 'alpha'), parameter(call, 'beta')]
      const out = computed(call)
      for (let i = 0; i < x.length; i++) out.data[i] = compute(x[i], alpha, beta)
      return [out]
    },
    ...(derivative && {
      vjp: (call: VjpCall) =>
        unaryGradient(call, (_, of) => {
          const parameters = { alpha: parameter(call, 'alpha'), beta: parameter(call, 'beta') }
          return derivative(call, Object.defineProperties(parameters, Object.getOwnPropertyDescriptors(of)) as never)
        }),
    }),
  }
}

/** A row with one constant per channel (axis 1). */
function channelwise(
  op: string,
  names: readonly string[],
  compute: (x: number, parameters: readonly number[]) => number,
): OpRow {
  return {
    op,
    opset: 'ios15',
    operands: [operand('x', 'T'), ...names.map((name) => constant(name, 'U'))],
    types: { T: FLOATS, U: FLOATS },
    infer(call) {
      const x = call.type('x')
      needRank(x, 2, Infinity, 'x')
      for (const name of names) needPerChannel(call, name, x.shape[1])
      return [x]
    },
    evaluate(call) {
      const x = call.tensor('x')
      const data = elements(x)
      const parameters = names.map((name) => elements(call.tensor(name)))
      const out = computed(call)
      const inner = x.shape.slice(2).reduce((total, dim) => total * dim, 1)
      for (let row = 0; row * inner < data.length; row++) {
        const own = parameters.map((values) => values[row % x.shape[1]])
        for (let i = row * inner; i < (row + 1) * inner; i++) out.data[i] = compute(data[i], own)
      }
      return [out]
    },
  }
}

const GELU_MODES: Record<string, (x: number) => number> = {
  EXACT: (x) => (x / 2) * (1 + erf(x / Math.SQRT2)),
  TANH_APPROXIMATION: (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  SIGMOID_APPROXIMATION: (x) => x * sigmoid(1.702 * x),
}

/** d/dx of each mode; the probability-like factor first, then x times its slope. */
function geluGradient(call: VjpCall, x: Value, dy: Value): Value {
  const { b } = call
  const mode = call.text('mode')
  const affine = (value: Value, scale: number, shift: number) => b.op('add', { x: product(b, value, scale), y: shift })
  const together = (factor: Value, slope: Value) => product(b, dy, b.op('add', { x: factor, y: product(b, x, slope) }))
  if (mode === 'SIGMOID_APPROXIMATION') {
    const s = b.op('sigmoid', { x: product(b, x, 1.702) })
    return together(s, product(b, s, b.op('sub', { x: 1, y: s }), 1.702))
  }
  const square = b.op('mul', { x, y: x })
  if (mode === 'EXACT') {
    const density = product(b, b.op('exp', { x: product(b, square, -0.5) }), 1 / Math.sqrt(2 * Math.PI))
    return together(affine(b.op('erf', { x: product(b, x, Math.SQRT1_2) }), 0.5, 0.5), density)
  }
  const scale = Math.sqrt(2 / Math.PI)
  const t = b.op('tanh', { x: product(b, x, affine(square, scale * 0.044715, scale)) })
  const slope = product(b, b.op('sub', { x: 1, y: product(b, t, t) }), affine(square, scale * 0.134145, scale), 0.5)
  return together(affine(t, 0.5, 0.5), slope)
}

const gelu: OpRow = {
  op: 'gelu',
  opset: 'ios15',
  operands: [operand('x', 'T'), option('mode', ['string'], 'EXACT')],
  types: { T: FLOATS },
  infer(call) {
    const mode = call.text('mode')
    if (!Object.hasOwn(GELU_MODES, mode)) {
      throw new OpError(`Expected ${Object.keys(GELU_MODES).join(', ')} for mode, got ${mode}.`)
    }
    return [call.type('x')]
  },
  evaluate(call) {
    const x = elements(call.tensor('x'))
    const compute = GELU_MODES[call.text('mode')]
    const out = computed(call)
    for (let i = 0; i < x.length; i++) out.data[i] = compute(x[i])
    return [out]
  },
  vjp: (call) => unaryGradient(call, (_, { x, dy }) => geluGradient(call, x, dy)),
}

const BOTH = ['alpha', 'beta'] as const
const clampTo = (x: number, least: number, most: number) => Math.min(Math.max(x, least), most)

export const activations: readonly OpRow[] = [
  gelu,
  activation('clip', BOTH, clampTo, ({ b }, { x, dy, alpha, beta }) => {
    const inside = { x: b.op('greater_equal', { x, y: alpha }), y: b.op('less_equal', { x, y: beta }) }
    return where(b, b.op('logical_and', inside), dy)
  }),
  activation(
    'threshold',
    ['alpha'],
    (x, alpha) => Math.max(x, alpha),
    ({ b }, { x, dy, alpha }) => where(b, b.op('greater', { x, y: alpha }), dy),
    NUMBERS,
  ),
  activation(
    'leaky_relu',
    ['alpha'],
    (x, alpha) => (x < 0 ? alpha * x : x),
    ({ b }, { x, dy, alpha }) => b.op('select', { cond: b.op('less', { x, y: 0 }), a: product(b, dy, alpha), b: dy }),
  ),
  activation(
    'elu',
    ['alpha'],
    (x, alpha) => (x < 0 ? alpha * Math.expm1(x) : x),
    ({ b }, { x, y, dy, alpha }) => {
      const below = product(b, dy, b.op('add', { x: y, y: alpha }))
      return b.op('select', { cond: b.op('less', { x, y: 0 }), a: below, b: dy })
    },
  ),
  activation('clamped_relu', BOTH, (x, alpha, beta) => Math.min(beta, x < 0 ? alpha * x : x)),
  activation(
    'thresholded_relu',
    ['alpha'],
    (x, alpha) => (x < alpha ? 0 : x),
    ({ b }, { x, dy, alpha }) => where(b, b.op('greater_equal', { x, y: alpha }), dy),
  ),
  activation(
    'linear_activation',
    BOTH,
    (x, alpha, beta) => alpha * x + beta,
    ({ b }, { dy, alpha }) => product(b, dy, alpha),
  ),
  activation('scaled_tanh', BOTH, (x, alpha, beta) => alpha * Math.tanh(beta * x)),
  activation('sigmoid_hard', BOTH, (x, alpha, beta) => clampTo(alpha * x + beta, 0, 1)),
  channelwise('prelu', ['alpha'], (x, [alpha]) => (x < 0 ? alpha * x : x)),
  channelwise('softplus_parametric', BOTH, (x, [alpha, beta]) => alpha * softplus(beta * x)),
]
