/** Matrix products and the linear layer; products accumulate in binary64. */

import type { Dim } from '../ir.js'
import { tensorType } from '../literals.js'
import { broadcastStrides, elementCount, isFloat, offsetsOf, type Tensor } from '../tensor.js'
import { gemm, matrix } from './gemm.js'
import { operandShape, reshaped, shapeOf, unbroadcast } from './gradients.js'
import { computed, constant, elements, FLOATS, NUMBERS, operand, option } from './operands.js'
import { type Call, type EvalCall, type Gradients, OpError, type OpRow, type VjpCall } from './row.js'
import { broadcast, needPerChannel, needRank, product, sameDim, spell } from './shapes.js'

/** Shapes of one product after promoting rank-1 operands: batch dims, then [M, K] and [K, N] as stored. */
function operandShapes<D extends Dim>(
  x: readonly D[],
  y: readonly D[],
): { x: readonly (D | 1)[]; y: readonly (D | 1)[] } {
  return { x: x.length === 1 ? [1, ...x] : x, y: y.length === 1 ? [...y, 1] : y }
}

function inferMatmul(call: Call): Dim[] {
  const [x, y] = [call.type('x'), call.type('y')]
  needRank(x, 1, Infinity, 'x')
  needRank(y, 1, Infinity, 'y')
  if (isFloat(x.dtype) !== isFloat(y.dtype)) throw new OpError(`Expected ${x.dtype} for y, got ${y.dtype}.`)
  const shapes = operandShapes(x.shape, y.shape)
  const [tx, ty] = [call.flag('transpose_x') && x.shape.length > 1, call.flag('transpose_y') && y.shape.length > 1]
  const [m, k] = tx ? [shapes.x.at(-1)!, shapes.x.at(-2)!] : [shapes.x.at(-2), shapes.x.at(-1)]
  const [other, n] = ty ? [shapes.y.at(-1), shapes.y.at(-2)] : [shapes.y.at(-2), shapes.y.at(-1)]
  if (k !== null && other !== null && k !== other) {
    throw new OpError(`Expected equal inner dimensions, got ${spell(x.shape)} and ${spell(y.shape)}.`)
  }
  const batch = broadcast(shapes.x.slice(0, -2), shapes.y.slice(0, -2))
  return [...batch, ...(x.shape.length > 1 ? [m as Dim] : []), ...(y.shape.length > 1 ? [n as Dim] : [])]
}

function evaluateMatmul(call: EvalCall): Tensor[] {
  const [x, y] = [call.tensor('x'), call.tensor('y')]
  const shapes = operandShapes(x.shape, y.shape)
  const [tx, ty] = [call.flag('transpose_x') && x.shape.length > 1, call.flag('transpose_y') && y.shape.length > 1]
  const [M, K] = tx ? [shapes.x.at(-1)!, shapes.x.at(-2)!] : [shapes.x.at(-2)!, shapes.x.at(-1)!]
  const N = shapes.y.at(ty ? -2 : -1)!
  const [batchX, batchY] = [shapes.x.slice(0, -2), shapes.y.slice(0, -2)]
  const batch = broadcast(batchX, batchY) as number[]
  const starts = (own: readonly number[], size: number) =>
    offsetsOf(
      batch,
      broadcastStrides(own, batch).map((stride) => stride * size),
    )
  const [fromX, fromY] = [starts(batchX, M * K), starts(batchY, K * N)]
  const total = new Float64Array(elementCount(batch) * M * N)
  for (let i = 0; i < fromX.length; i++) {
    const a = matrix(elements(x), fromX[i], shapes.x.at(-1)!, tx)
    gemm(a, matrix(elements(y), fromY[i], shapes.y.at(-1)!, ty), total, i * M * N, M, K, N)
  }
  const out = computed(call)
  out.data.set(total)
  return [out]
}

/** With z = X·Y: dX = dz·Yᵀ and dY = Xᵀ·dz, each stored as the operand is. */
function matmulGradients(call: VjpCall): Gradients {
  const { b } = call
  const dz = call.dy[0]
  if (!dz) return {}
  const shapes = { x: operandShape(call, 'x'), y: operandShape(call, 'y') }
  if (shapes.x.length < 2 || shapes.y.length < 2) {
    throw new OpError(`Expected rank 2 or more for x and y, got ${spell(shapes.x)} and ${spell(shapes.y)}.`)
  }
  const [tx, ty] = [call.flag('transpose_x'), call.flag('transpose_y')]
  const gradients: Gradients = {}
  if (call.needs('x')) {
    const y = call.value('y')
    const dx = tx
      ? b.op('matmul', { x: y, y: dz, transpose_x: ty, transpose_y: true })
      : b.op('matmul', { x: dz, y, transpose_x: false, transpose_y: !ty })
    gradients.x = unbroadcast(call, dx, shapes.x)
  }
  if (call.needs('y')) {
    const x = call.value('x')
    const dy = ty
      ? b.op('matmul', { x: dz, y: x, transpose_x: true, transpose_y: tx })
      : b.op('matmul', { x, y: dz, transpose_x: !tx, transpose_y: false })
    gradients.y = unbroadcast(call, dy, shapes.y)
  }
  return gradients
}

const matmul: OpRow = {
  op: 'matmul',
  opset: 'ios15',
  operands: [
    operand('x', 'T'),
    operand('y', 'U'),
    option('transpose_x', ['bool'], false),
    option('transpose_y', ['bool'], false),
  ],
  types: { T: NUMBERS, U: NUMBERS },
  infer: (call) => [tensorType(call.type('x').dtype, inferMatmul(call))],
  evaluate: evaluateMatmul,
  vjp: matmulGradients,
}

const linear: OpRow = {
  op: 'linear',
  opset: 'ios15',
  operands: [operand('x', 'T'), constant('weight', 'U'), option('bias', 'U')],
  types: { T: FLOATS, U: FLOATS },
  infer(call) {
    const [x, weight] = [call.type('x'), call.type('weight')]
    needRank(x, 1, Infinity, 'x')
    needRank(weight, 2, 2, 'weight')
    const [out, inner] = weight.shape
    sameDim(inner, x.shape.at(-1)!, 'the last dimension of x')
    needPerChannel(call, 'bias', out)
    return [tensorType(x.dtype, [...x.shape.slice(0, -1), out])]
  },
  evaluate(call) {
    const [x, weight] = [call.tensor('x'), call.tensor('weight')]
    const [N, K] = weight.shape
    const M = product(x.shape.slice(0, -1))!
    const total = new Float64Array(M * N)
    if (call.has('bias')) {
      const bias = elements(call.tensor('bias'))
      for (let m = 0; m < M; m++) total.set(bias, m * N)
    }
    gemm(matrix(elements(x), 0, K), matrix(elements(weight), 0, K, true), total, 0, M, K, N)
    const out = computed(call)
    out.data.set(total)
    return [out]
  },
  vjp(call) {
    const { b } = call
    const dy = call.dy[0]
    if (!dy) return {}
    const [out, inner] = operandShape(call, 'weight')
    const rows = (value: typeof dy, columns: number) =>
      reshaped(call, value, [shapeOf(value).reduce((total, dim) => total * dim, 1) / columns, columns])
    const gradients: Gradients = {}
    if (call.needs('x')) {
      const dx = b.op('matmul', { x: rows(dy, out), y: call.value('weight'), transpose_x: false, transpose_y: false })
      gradients.x = reshaped(call, dx, operandShape(call, 'x'))
    }
    if (call.needs('weight')) {
      gradients.weight = b.op('matmul', {
        x: rows(dy, out),
        y: rows(call.value('x'), inner),
        transpose_x: true,
        transpose_y: false,
      })
    }
    if (call.has('bias') && call.needs('bias')) gradients.bias = unbroadcast(call, dy, operandShape(call, 'bias'))
    return gradients
  },
}

export const matmuls: readonly OpRow[] = [matmul, linear]
