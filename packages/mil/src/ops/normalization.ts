/** Normalisations; statistics are in binary64 and the variance is the biased one. */

import type { TensorType, Value } from '../ir.js'
import { broadcastStrides, offsetsOf, stridesOf, type Tensor } from '../tensor.js'
import { product } from './elementwise-unary.js'
import { reshaped, shapeOf } from './gradients.js'
import { computed, constant, elements, FLOATS, type NumberArray, operand, option } from './operands.js'
import { type Call, type EvalCall, type Gradients, OpError, type OpRow, type VjpCall } from './row.js'
import { axesOf, needPerChannel, needRank, spell } from './shapes.js'

const TYPES = { T: FLOATS, U: FLOATS }
const GAIN = [option('gamma', 'U'), option('beta', 'U'), option('epsilon', 'U', 1e-5)]

function normalizedAxes(call: Call): number[] {
  const rank = call.type('x').shape.length
  const axes = axesOf(call, 'axes', rank) ?? Array.from({ length: rank }, (_, axis) => axis)
  return [...axes].sort((a, b) => a - b)
}

/** Sets out = (x − mean) / sqrt(variance + epsilon) · gamma + beta over one window of elements. */
function normalizeWindow(
  x: NumberArray,
  out: NumberArray,
  start: number,
  inner: Int32Array,
  epsilon: number,
  gain: (j: number) => [number, number],
): void {
  let mean = 0
  for (let j = 0; j < inner.length; j++) mean += x[start + inner[j]]
  mean /= inner.length
  let variance = 0
  for (let j = 0; j < inner.length; j++) variance += (x[start + inner[j]] - mean) ** 2
  const scale = 1 / Math.sqrt(variance / inner.length + epsilon)
  for (let j = 0; j < inner.length; j++) {
    const [gamma, beta] = gain(j)
    out[start + inner[j]] = (x[start + inner[j]] - mean) * scale * gamma + beta
  }
}

function evaluateLayerNorm(call: EvalCall): Tensor[] {
  const x = call.tensor('x')
  const axes = normalizedAxes(call)
  const others = x.shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]))
  const strides = stridesOf(x.shape)
  const offsets = (chosen: readonly number[]) =>
    offsetsOf(
      chosen.map((axis) => x.shape[axis]),
      chosen.map((axis) => strides[axis]),
    )
  const [outer, inner] = [offsets(others), offsets(axes)]
  const gamma = call.has('gamma') ? elements(call.tensor('gamma')) : undefined
  const beta = call.has('beta') ? elements(call.tensor('beta')) : undefined
  const out = computed(call)
  const epsilon = call.number('epsilon')
  for (const start of outer) {
    normalizeWindow(elements(x), out.data, start, inner, epsilon, (j) => [gamma?.[j] ?? 1, beta?.[j] ?? 0])
  }
  return [out]
}

/** dx = (g − mean(g) − x̂·mean(g·x̂)) / σ with g = dy·gamma and the statistics computed again. */
function layerNormGradient(call: VjpCall): Gradients {
  const { b } = call
  const dy = call.dy[0]
  if (!dy) return {}
  if (['gamma', 'beta'].some((name) => call.has(name) && call.needs(name))) {
    throw new OpError('Expected constant gamma and beta for a gradient, got a request for theirs.')
  }
  if (!call.needs('x')) return {}
  const x = call.value('x')
  const axes = normalizedAxes(call)
  const mean = (value: Value) => b.op('reduce_mean', { x: value, axes, keep_dims: true })
  const kept = shapeOf(x).map((dim, axis) => (axes.includes(axis) ? dim : 1))
  const g = call.has('gamma') ? product(b, dy, reshaped(call, call.value('gamma'), kept)) : dy
  const centered = b.op('sub', { x, y: mean(x) })
  const variance = b.op('add', { x: mean(product(b, centered, centered)), y: call.number('epsilon') })
  const scale = b.op('pow', { x: variance, y: -0.5 })
  const normalized = product(b, centered, scale)
  const along = product(b, normalized, mean(product(b, g, normalized)))
  const rest = b.op('sub', { x: b.op('sub', { x: g, y: mean(g) }), y: along })
  return { x: product(b, rest, scale) }
}

const layerNorm: OpRow = {
  op: 'layer_norm',
  opset: 'ios15',
  operands: [operand('x', 'T'), option('axes', ['int32']), ...GAIN],
  types: TYPES,
  infer(call) {
    const x = call.type('x')
    const wanted = normalizedAxes(call).map((axis) => x.shape[axis])
    for (const name of ['gamma', 'beta']) {
      const shape = call.has(name) ? call.type(name).shape : wanted
      if (
        shape.length !== wanted.length ||
        shape.some((dim, i) => dim !== null && wanted[i] !== null && dim !== wanted[i])
      ) {
        throw new OpError(
          `Expected the shape ${spell(wanted)} of the normalised axes for ${name}, got ${spell(shape)}.`,
        )
      }
    }
    return [x]
  },
  evaluate: evaluateLayerNorm,
  vjp: layerNormGradient,
}

/** Requires `[N, C, ..]` for x and parameters of C numbers each. */
function inferPerChannel(call: Call): TensorType[] {
  const x = call.type('x')
  needRank(x, 3, 5, 'x')
  for (const name of ['mean', 'variance', 'gamma', 'beta']) needPerChannel(call, name, x.shape[1])
  return [x]
}

const instanceNorm: OpRow = {
  op: 'instance_norm',
  opset: 'ios15',
  operands: [operand('x', 'T'), ...GAIN],
  types: TYPES,
  infer: inferPerChannel,
  evaluate(call) {
    const x = call.tensor('x')
    const channels = x.shape[1]
    const gamma = call.has('gamma') ? elements(call.tensor('gamma')) : undefined
    const beta = call.has('beta') ? elements(call.tensor('beta')) : undefined
    const inner = offsetsOf(x.shape.slice(2), stridesOf(x.shape.slice(2)))
    const out = computed(call)
    for (let row = 0; row < x.shape[0] * channels; row++) {
      const gain: [number, number] = [gamma?.[row % channels] ?? 1, beta?.[row % channels] ?? 0]
      normalizeWindow(elements(x), out.data, row * inner.length, inner, call.number('epsilon'), () => gain)
    }
    return [out]
  },
}

const batchNorm: OpRow = {
  op: 'batch_norm',
  opset: 'ios15',
  operands: [operand('x', 'T'), constant('mean', 'U'), constant('variance', 'U'), ...GAIN],
  types: TYPES,
  infer: inferPerChannel,
  evaluate(call) {
    const x = call.tensor('x')
    const parameter = (name: string) => (call.has(name) ? elements(call.tensor(name)) : undefined)
    const [mean, variance, gamma, beta] = ['mean', 'variance', 'gamma', 'beta'].map(parameter)
    const channel = offsetsOf(x.shape, broadcastStrides([x.shape[1], ...x.shape.slice(2).fill(1)], x.shape))
    const epsilon = call.number('epsilon')
    const data = elements(x)
    const out = computed(call)
    for (let i = 0; i < data.length; i++) {
      const c = channel[i]
      out.data[i] = ((data[i] - mean![c]) / Math.sqrt(variance![c] + epsilon)) * (gamma?.[c] ?? 1) + (beta?.[c] ?? 0)
    }
    return [out]
  },
}

const l2Norm: OpRow = {
  op: 'l2_norm',
  opset: 'ios15',
  operands: [operand('x', 'T'), option('epsilon', 'U', 1e-6)],
  types: TYPES,
  infer(call) {
    needRank(call.type('x'), 3, 5, 'x')
    return [call.type('x')]
  },
  evaluate(call) {
    const x = call.tensor('x')
    const data = elements(x)
    const size = x.shape.slice(-3).reduce((total, dim) => total * dim, 1)
    const out = computed(call)
    for (let start = 0; start < data.length; start += size) {
      let total = call.number('epsilon')
      for (let i = start; i < start + size; i++) total += data[i] * data[i]
      for (let i = start; i < start + size; i++) out.data[i] = data[i] / Math.sqrt(total)
    }
    return [out]
  },
}

export const normalizations: readonly OpRow[] = [layerNorm, instanceNorm, batchNorm, l2Norm]
