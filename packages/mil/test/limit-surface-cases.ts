/** One program that breaks each limit of shapes, surfaces, weights and numbers, and one that satisfies it. */

import type { LimitCase } from './limit-cases.js'
import {
  build,
  conv,
  interfaceOf,
  m1,
  m3,
  m4,
  m5,
  plain,
  product,
  relu,
  scalar,
  softmaxOver,
  stacked,
  surfaces,
  text,
  unary,
  weights,
} from './limit-programs.js'

export const surfaceCases: readonly LimitCase[] = [
  { id: 'C-50', target: m4, breaks: unary('relu', {}, [64, 64]), satisfies: plain },
  {
    id: 'C-51',
    target: surfaces(m4, 4096, 65536),
    breaks: plain,
    satisfies: plain,
    satisfied: surfaces(m4, 65536, 65536),
  },
  { id: 'C-52', target: m5, breaks: unary('relu', {}, [1, 64, 1, 16]), satisfies: plain },
  { id: 'C-53', target: m5, breaks: unary('relu', {}, [1, 64, 1, 131]), satisfies: plain },
  { id: 'C-54', target: m4, breaks: unary('relu', {}, [1, 64, 1, 40]), satisfies: unary('relu', {}, [1, 64, 1, 48]) },
  {
    id: 'C-55',
    target: surfaces(m5, 65600, 65536),
    breaks: plain,
    satisfies: plain,
    satisfied: surfaces(m5, 65536, 65536),
  },
  { id: 'C-56', target: m3, breaks: stacked(256), satisfies: stacked(512) },
  { id: 'C-57', target: m5, breaks: unary('relu', {}, [1, 4, 1, 64]), satisfies: plain },
  { id: 'C-58', target: m1, breaks: product(48), satisfies: product(64) },
  { id: 'C-59', target: m4, breaks: unary('relu', {}, [1, 192, 1, 64]), satisfies: plain },
  {
    id: 'C-60',
    target: m1,
    breaks: unary('relu', {}, [1, 64, 1, 20000]),
    satisfies: unary('relu', {}, [1, 64, 1, 16384]),
  },
  { id: 'C-61', target: m3, breaks: conv(64, 8192), satisfies: conv(64, 4096) },
  { id: 'C-62', target: m5, breaks: softmaxOver(512), satisfies: softmaxOver(256) },
  { id: 'C-63', target: m4, breaks: unary('relu', {}, [1, 4096, 1, 4096]), satisfies: plain },
  {
    id: 'C-64',
    target: m5,
    breaks: weights(
      24,
      (i) => `w${i}`,
      () => 64,
    ),
    satisfies: weights(
      16,
      (i) => `w${i}`,
      () => 64,
    ),
  },
  {
    id: 'C-70',
    target: m4,
    breaks: interfaceOf(
      [
        ['a', 32],
        ['b', 64],
      ],
      [['z', 32]],
    ),
    satisfies: relu(),
  },
  {
    id: 'C-71',
    target: m4,
    breaks: interfaceOf(
      [
        ['a', 64],
        ['b', 64],
      ],
      [
        ['y', 32],
        ['z', 64],
      ],
    ),
    satisfies: relu(),
  },
  {
    id: 'C-72',
    target: m4,
    breaks: interfaceOf(
      [
        ['b', 64],
        ['a', 64],
      ],
      [['z', 64]],
    ),
    satisfies: relu(),
  },
  {
    id: 'C-73',
    target: m4,
    breaks: interfaceOf(
      [
        ['a', 64],
        ['b', 64],
      ],
      [
        ['z', 64],
        ['y', 64],
      ],
    ),
    satisfies: relu(),
  },
  {
    id: 'C-74',
    target: m1,
    breaks: interfaceOf(
      [
        ['a', 64],
        ['b', 32],
      ],
      [['z', 32]],
    ),
    satisfies: interfaceOf(
      [
        ['a', 32],
        ['b', 64],
      ],
      [['z', 32]],
    ),
  },
  {
    id: 'C-75',
    target: surfaces(m4, 49152, 65536),
    breaks: plain,
    satisfies: plain,
    satisfied: surfaces(m4, 131072, 131072),
  },
  { id: 'C-76', target: m4, breaks: relu(), satisfies: plain },
  { id: 'C-77', target: m1, breaks: softmaxOver(64), satisfies: product(64) },
  { id: 'C-78', target: m1, breaks: relu([1, 128, 1, 256], 'fp32'), satisfies: relu() },
  {
    id: 'C-79',
    target: m3,
    breaks: text('tensor<fp16, [1, 64, 1, 64]> z = cast(x = a, dtype = string("fp16"));', {
      inputs: 'tensor<int8, [1, 64, 1, 64]> a',
    }),
    satisfies: plain,
  },
  {
    id: 'C-80',
    target: m1,
    breaks: interfaceOf(
      [
        ['a', 32],
        ['b', 512],
      ],
      [
        ['y', 32],
        ['z', 512],
      ],
    ),
    satisfies: interfaceOf(
      [
        ['a', 32],
        ['b', 64],
      ],
      [
        ['y', 32],
        ['z', 64],
      ],
    ),
  },
  {
    id: 'C-90',
    target: m4,
    breaks: weights(
      1,
      () => 'w',
      () => 100,
    ),
    satisfies: weights(
      1,
      () => 'w',
      () => 128,
    ),
  },
  {
    id: 'C-92',
    target: m1,
    breaks: weights(
      2,
      () => 'w',
      (i) => 64 + 8320 * i,
    ),
    satisfies: weights(
      2,
      (i) => `w${i}`,
      () => 64,
    ),
  },
  { id: 'C-120', target: m4, breaks: relu([1, 128, 1, 256], 'fp32'), satisfies: relu() },
  { id: 'C-122', target: m4, breaks: scalar('-inf'), satisfies: scalar('-65504') },
  { id: 'C-124', target: m4, breaks: scalar('0.00130'), satisfies: scalar('0x1.554p-10') },
  {
    id: 'C-131',
    target: m4,
    breaks: build((b) =>
      b.output(
        b.matmul({
          x: b.constant('fp16', [1, 1, 64, 64], new Float32Array(4096)),
          y: b.input('a', 'fp16', [1, 1, 64, 64]),
        }),
        'z',
      ),
    ),
    satisfies: product(64),
  },
  { id: 'C-135', target: m5, breaks: conv(5120, 64), satisfies: conv(64, 5120) },
]
