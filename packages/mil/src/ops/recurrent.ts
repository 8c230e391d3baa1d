/** Recurrent layers; every step is computed in binary64 and only the results are rounded. */

import type { Dim } from '../ir.js'
import { tensorType } from '../literals.js'
import type { Tensor } from '../tensor.js'
import { sigmoid } from './elementwise-unary.js'
import { gemm, matrix } from './gemm.js'
import { computed, constant, elements, FLOATS, operand, option } from './operands.js'
import { type Call, type EvalCall, OpError, type OpRow } from './row.js'
import { needRank, sameDim } from './shapes.js'

const ACTIVATIONS: Record<string, (x: number) => number> = {
  sigmoid,
  tanh: Math.tanh,
  relu: (x) => Math.max(x, 0),
  linear: (x) => x,
}

function activationOf(call: Call, name: string): (x: number) => number {
  const key = call.text(name)
  if (!Object.hasOwn(ACTIVATIONS, key)) {
    throw new OpError(`Expected ${Object.keys(ACTIVATIONS).join(', ')} for ${name}, got ${key}.`)
  }
  return ACTIVATIONS[key]
}

function directions(call: Call): number {
  const direction = call.text('direction')
  if (!['forward', 'reverse', 'bidirectional'].includes(direction)) {
    throw new OpError(`Expected forward, reverse or bidirectional for direction, got ${direction}.`)
  }
  return direction === 'bidirectional' ? 2 : 1
}

function infer(call: Call) {
  const [x, hidden] = [call.type('x'), call.type('initial_h')]
  needRank(x, 3, 3, 'x')
  needRank(hidden, 2, 2, 'initial_h')
  const [steps, batch] = x.shape
  sameDim(batch, hidden.shape[0], 'the batch of initial_h')
  const H = call.type('weight_hh').shape[1]
  sameDim(H === null ? null : H * directions(call), hidden.shape[1], 'the size of initial_h')
  sameDim(H === null ? null : 4 * H, call.type('weight_hh').shape[0], 'the rows of weight_hh')
  sameDim(x.shape[2], call.type('weight_ih').shape[1], 'the columns of weight_ih')
  for (const name of ['peephole', 'peephole_back', 'clip']) {
    if (call.has(name)) throw new OpError(`Expected no ${name}, got one.`)
  }
  const width = H === null ? null : H * directions(call)
  const last: Dim[] = [batch, width]
  const sequence = tensorType(x.dtype, [call.flag('output_sequence') ? steps : 1, ...last])
  return [sequence, tensorType(x.dtype, last), tensorType(x.dtype, last)]
}

/**
 * Runs one direction over all steps: gates i, f, o, z; c = f·c + i·z and h = o·activation(c).
 *
 * x [S, B, I], weight_ih [4H, I], weight_hh [4H, H]; `side` is 0 or 1 within results of `width` columns.
 */
function run(call: EvalCall, outputs: readonly Tensor[], suffix: '' | '_back', side: number, backwards: boolean): void {
  const x = call.tensor('x')
  const [S, B, I] = x.shape
  const [weightIn, weightHidden] = [call.tensor(`weight_ih${suffix}`), call.tensor(`weight_hh${suffix}`)]
  const bias = call.has(`bias${suffix}`) ? elements(call.tensor(`bias${suffix}`)) : undefined
  const H = weightHidden.shape[1]
  const [sequence, lastH, lastC] = outputs.map((output) => output.data as Float64Array)
  const width = outputs[1].shape[1]
  const state = (name: string) => {
    const own = new Float64Array(B * H)
    const data = elements(call.tensor(name))
    for (let b = 0; b < B; b++) for (let j = 0; j < H; j++) own[b * H + j] = data[b * width + side * H + j]
    return own
  }
  const [h, c] = [state('initial_h'), state('initial_c')]
  const [gate, cell, out] = ['recurrent_activation', 'cell_activation', 'activation'].map((name) =>
    activationOf(call, name),
  )
  const whole = call.flag('output_sequence')
  const sums = new Float64Array(B * 4 * H)
  for (let step = 0; step < S; step++) {
    const at = backwards ? S - 1 - step : step
    for (let b = 0; b < B; b++) for (let j = 0; j < 4 * H; j++) sums[b * 4 * H + j] = bias?.[j] ?? 0
    gemm(matrix(elements(x), at * B * I, I), matrix(elements(weightIn), 0, I, true), sums, 0, B, I, 4 * H)
    gemm(matrix(h, 0, H), matrix(elements(weightHidden), 0, H, true), sums, 0, B, H, 4 * H)
    for (let b = 0; b < B; b++) {
      for (let j = 0; j < H; j++) {
        const row = b * 4 * H + j
        const [i, f, o] = [gate(sums[row]), gate(sums[row + H]), gate(sums[row + 2 * H])]
        c[b * H + j] = f * c[b * H + j] + i * cell(sums[row + 3 * H])
        h[b * H + j] = o * out(c[b * H + j])
        const column = b * width + side * H + j
        if (whole) sequence[at * B * width + column] = h[b * H + j]
        else if (step === S - 1) sequence[column] = h[b * H + j]
      }
    }
  }
  for (let b = 0; b < B; b++) {
    lastH.set(h.subarray(b * H, (b + 1) * H), b * width + side * H)
    lastC.set(c.subarray(b * H, (b + 1) * H), b * width + side * H)
  }
}

export const recurrents: readonly OpRow[] = [
  {
    op: 'lstm',
    opset: 'ios15',
    operands: [
      operand('x', 'T'),
      operand('initial_h', 'T'),
      operand('initial_c', 'T'),
      constant('weight_ih', 'T'),
      constant('weight_hh', 'T'),
      ...['bias', 'peephole', 'weight_ih_back', 'weight_hh_back', 'bias_back', 'peephole_back'].map((name) =>
        option(name, 'T'),
      ),
      option('direction', ['string'], 'forward'),
      option('output_sequence', ['bool'], false),
      option('recurrent_activation', ['string'], 'sigmoid'),
      option('cell_activation', ['string'], 'tanh'),
      option('activation', ['string'], 'tanh'),
      option('clip', 'T'),
    ],
    types: { T: FLOATS },
    infer,
    evaluate(call) {
      const outputs = [0, 1, 2].map((index) => computed(call, index))
      const direction = call.text('direction')
      run(call, outputs, '', 0, direction === 'reverse')
      if (direction === 'bidirectional') run(call, outputs, '_back', 1, true)
      return outputs
    },
  },
]
