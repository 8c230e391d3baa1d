/** Choosing between values, and conversion between element types. */

import type { Dtype } from '../ir.js'
import { tensorType } from '../literals.js'
import { broadcastStrides, isFloat, offsetsOf } from '../tensor.js'
import { operandShape, unbroadcast } from './gradients.js'
import { ANY, computed, constant, elements, moved, operand } from './operands.js'
import { type Gradients, OpError, type OpRow } from './row.js'
import { broadcast } from './shapes.js'

const select: OpRow = {
  op: 'select',
  opset: 'ios15',
  operands: [operand('cond', ['bool']), operand('a', 'T'), operand('b', 'T')],
  types: { T: ANY },
  infer(call) {
    const [cond, a, b] = [call.type('cond'), call.type('a'), call.type('b')]
    return [tensorType(a.dtype, broadcast(cond.shape, broadcast(a.shape, b.shape)))]
  },
  evaluate(call) {
    const [cond, a, b] = [call.tensor('cond'), call.tensor('a'), call.tensor('b')]
    const out = moved(call, a)
    const at = (shape: readonly number[]) => offsetsOf(out.shape, broadcastStrides(shape, out.shape))
    const [atCond, atA, atB] = [at(cond.shape), at(a.shape), at(b.shape)]
    const [keep, yes, no] = [elements(cond), elements(a), elements(b)]
    for (let i = 0; i < out.data.length; i++) out.data[i] = keep[atCond[i]] ? yes[atA[i]] : no[atB[i]]
    return [out]
  },
  vjp(call) {
    const dy = call.dy[0]
    if (!dy) return {}
    const cond = call.value('cond')
    const gradients: Gradients = {}
    if (call.needs('a')) {
      const kept = call.b.op('select', { cond, a: dy, b: 0 })
      gradients.a = unbroadcast(call, kept, operandShape(call, 'a'))
    }
    if (call.needs('b')) {
      const kept = call.b.op('select', { cond, a: 0, b: dy })
      gradients.b = unbroadcast(call, kept, operandShape(call, 'b'))
    }
    return gradients
  },
}

const cast: OpRow = {
  op: 'cast',
  opset: 'ios15',
  operands: [operand('x', 'T'), constant('dtype', ['string'])],
  types: { T: ANY },
  infer(call) {
    const dtype = call.text('dtype') as Dtype
    if (!ANY.includes(dtype)) throw new OpError(`Expected ${ANY.join(', ')} for dtype, got ${dtype}.`)
    return [tensorType(dtype, call.type('x').shape)]
  },
  evaluate(call) {
    const x = elements(call.tensor('x'))
    const out = computed(call)
    if (out.dtype === 'bool') for (let i = 0; i < x.length; i++) out.data[i] = Number(x[i] !== 0)
    else out.data.set(x)
    return [out]
  },
  vjp(call) {
    const dy = call.dy[0]
    const { dtype } = call.type('x')
    return dy && isFloat(dtype) && call.needs('x') ? { x: call.b.op('cast', { x: dy, dtype }) } : {}
  },
}

const logicalNot: OpRow = {
  op: 'logical_not',
  opset: 'ios15',
  operands: [operand('x', ['bool'])],
  infer: (call) => [call.type('x')],
  evaluate(call) {
    const x = elements(call.tensor('x'))
    const out = computed(call)
    for (let i = 0; i < x.length; i++) out.data[i] = x[i] ? 0 : 1
    return [out]
  },
}

export const selections: readonly OpRow[] = [select, cast, logicalNot]
