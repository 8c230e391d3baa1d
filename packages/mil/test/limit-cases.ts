/** One program that breaks each limit of the text and of operators, and one that satisfies it. */

import type { Program } from '../src/ir.js'
import type { LimitTarget } from '../src/limits/check.js'
import {
  attention,
  bools,
  build,
  conv,
  conv32,
  m1,
  m3,
  m4,
  m5,
  matmulText,
  plain,
  relu,
  scaled,
  scaleFile,
  softmaxOver,
  text,
  unary,
  zeroProduct,
} from './limit-programs.js'

/** A program that breaks one limit and one that satisfies it. */
export interface LimitCase {
  readonly id: string
  readonly target: LimitTarget
  readonly breaks: Program
  readonly satisfies: Program
  /** What the satisfying program is checked with, where that differs. */
  readonly satisfied?: LimitTarget
}

export const operatorCases: readonly LimitCase[] = [
  {
    id: 'C-04',
    target: m1,
    breaks: plain,
    satisfies: build((b) => b.output(b.relu({ x: b.input('a', 'fp16', [1, 64, 1, 64]) })), {
      version: '1.0',
      opset: 'ios16',
    }),
  },
  {
    id: 'C-05',
    target: m4,
    breaks: build((b) => b.output(b.relu({ x: b.input('a', 'fp16', [1, 64, 1, 64]) })), { version: '1.0' }),
    satisfies: plain,
  },
  {
    id: 'C-06',
    target: m4,
    breaks: text('tensor<fp16, [1, 64, 1, 64]> z = relu(x = a);'),
    satisfies: text('tensor<fp16, [1, 64, 1, 64]> z = relu(x = a);', {
      head: 'buildInfo = dict<string, string>({{"coremlc-version", "3505.4.1"}})',
    }),
  },
  { id: 'C-07', target: m4, breaks: matmulText(bools), satisfies: matmulText('no') },
  {
    id: 'C-08',
    target: m4,
    breaks: text('tensor<fp16, [1, 64, 1, 64]> z = relu(x = a);', { outputs: 'a' }),
    satisfies: plain,
  },
  {
    id: 'C-09',
    target: m1,
    breaks: build((b) => b.output(b.relu({ x: b.input('x', 'fp16', [1, 64, 1, 64]) }), 'z')),
    satisfies: plain,
  },
  { id: 'C-10', target: m5, breaks: unary('identity'), satisfies: plain },
  { id: 'C-20', target: m4, breaks: attention(true), satisfies: attention(false) },
  {
    id: 'C-21',
    target: m4,
    breaks: build((b) => {
      const x = b.input('a', 'fp16', [1, 64, 64])
      b.output(b.concat({ values: [x, x], axis: 0, interleave: false }), 'z')
    }),
    satisfies: plain,
  },
  { id: 'C-22', target: m4, breaks: unary('gelu', { mode: 'EXACT' }), satisfies: unary('tanh') },
  { id: 'C-23', target: m4, breaks: conv(64, 64, { bias: true }), satisfies: conv(64, 64) },
  { id: 'C-24', target: m4, breaks: unary('rsqrt'), satisfies: unary('sqrt') },
  { id: 'C-25', target: m1, breaks: unary('pow', { y: 2 }), satisfies: plain },
  { id: 'C-26', target: m5, breaks: unary('l2_norm'), satisfies: plain },
  { id: 'C-27', target: m3, breaks: unary('tile', { reps: [1, 1, 1, 2] }), satisfies: plain },
  {
    id: 'C-28',
    target: m1,
    breaks: build((b) => {
      const x = b.input('a', 'fp16', [1, 64, 64])
      b.input('b', 'fp16', [1, 64, 64])
      b.output(b.reshape({ x, shape: [64, 64] }), 'z')
    }),
    satisfies: unary('reshape', { shape: [64, 64] }),
  },
  {
    id: 'C-29',
    target: m4,
    breaks: unary('reduce_mean', { axes: [3], keep_dims: true }),
    satisfies: unary('reduce_sum', { axes: [3], keep_dims: true }),
  },
  {
    id: 'C-30',
    target: m5,
    breaks: unary('reduce_mean', { axes: [1], keep_dims: true }),
    satisfies: unary('reduce_mean', { axes: [3], keep_dims: true }),
  },
  { id: 'C-31', target: m3, breaks: softmaxOver(48), satisfies: softmaxOver(64) },
  { id: 'C-32', target: m3, breaks: conv32(), satisfies: conv(64, 64) },
  {
    id: 'C-33',
    target: m3,
    breaks: build((b) =>
      b.output(
        b.op('conv', { x: b.input('a', 'fp16', [1, 64, 1, 64]), weight: b.input('b', 'fp16', [64, 64, 1, 1]) }),
        'z',
      ),
    ),
    satisfies: conv(64, 64),
  },
  { id: 'C-34', target: m4, breaks: conv(32000, 64), satisfies: conv(64, 32000) },
  { id: 'C-35', target: m3, breaks: relu([1, 128, 1, 256], 'int32'), satisfies: relu() },
  {
    id: 'C-36',
    target: m3,
    breaks: text('tensor<fp16, [1, 64, 1, 64]> z = relu(x = a);', {
      inputs: 'tensor<fp16, [1, 64, 1, 64]> a, tensor<int4, [64]> b',
    }),
    satisfies: plain,
  },
  { id: 'C-37', target: m5, breaks: scaled(scaleFile(4)), satisfies: scaled(scaleFile(1)) },
  { id: 'C-38', target: m5, breaks: unary('softplus'), satisfies: plain },
  {
    id: 'C-39',
    target: m1,
    breaks: build((b) => {
      const x = b.input('a', 'fp16', [1, 64, 1, 64])
      b.output(b.realDiv({ x, y: b.sqrt({ x }) }), 'z')
    }),
    satisfies: unary('sqrt'),
  },
  { id: 'C-40', target: m4, breaks: unary('cumsum', { axis: 3 }), satisfies: plain },
  { id: 'C-41', target: m1, breaks: zeroProduct(0), satisfies: zeroProduct(2) },
  { id: 'C-42', target: m5, breaks: unary('layer_norm', { axes: [1] }, [1, 1024, 1, 64]), satisfies: plain },
  { id: 'C-43', target: m1, breaks: unary('sin'), satisfies: plain },
  { id: 'L-01', target: m4, breaks: unary('abs'), satisfies: unary('sigmoid') },
]
