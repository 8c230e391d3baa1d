/** Small programs that break one limit of the Neural Engine, or just satisfy it. */

import { type Builder, buildProgram } from '../src/builder.js'
import type { Program } from '../src/ir.js'
import type { LimitTarget } from '../src/limits/check.js'
import { parse } from '../src/parser.js'

export const m1: LimitTarget = { chip: 'm1' }
export const m3: LimitTarget = { chip: 'm3-max' }
export const m4: LimitTarget = { chip: 'm4' }
export const m5: LimitTarget = { chip: 'm5-max' }

export const build = (write: (b: Builder) => void, options = {}): Program =>
  buildProgram({ inline: true, ...options }, write).program

/** One input `a`, one output `z`, [1, 64, 1, 64] unless given. */
export const unary = (op: string, operands: Record<string, unknown> = {}, shape: readonly number[] = [1, 64, 1, 64]) =>
  build((b) => {
    const [first] = b.ops(op, { x: b.input('a', 'fp16', shape), ...operands } as never)
    b.output(first, 'z')
  })

export const relu = (shape: readonly number[] = [1, 128, 1, 256], dtype: 'fp16' | 'fp32' | 'int8' | 'int32' = 'fp16') =>
  build((b) => b.output(b.add({ x: b.input('a', dtype, shape), y: b.input('b', dtype, shape) }), 'z'))

export const plain = unary('relu', {}, [1, 128, 1, 256])

/** Text of a program with one operation per line. */
export const text = (body: string, { head = '', inputs = 'tensor<fp16, [1, 64, 1, 64]> a', outputs = 'z' } = {}) =>
  parse(`program(1.3)\n[${head}]\n{\n func main<ios18>(${inputs}) {\n${body}\n } -> (${outputs});\n}`)

export const conv = (
  channels: number,
  out: number,
  options: { bias?: boolean; columns?: number; kernel?: number } = {},
) => {
  const { bias, columns = 64, kernel = 1 } = options
  const files = 'path = string("@model_path/w.bin"), offset = uint64(64)'
  const width = columns - kernel + 1
  return text(
    `tensor<fp16, [${out}, ${channels}, 1, ${kernel}]> w = const()[val = tensor<fp16, [${out}, ${channels}, 1, ${kernel}]>(BLOBFILE(${files}))];
     tensor<fp16, [${out}]> bias = const()[val = tensor<fp16, [${out}]>(BLOBFILE(path = string("@model_path/b.bin"), offset = uint64(64)))];
     tensor<fp16, [1, ${out}, 1, ${width}]> z = conv(x = a, weight = w${bias ? ', bias = bias' : ''});`,
    { inputs: `tensor<fp16, [1, ${channels}, 1, ${columns}]> a` },
  )
}

export const weights = (count: number, file: (i: number) => string, offset: (i: number) => number) =>
  text(
    Array.from({ length: count }, (_, i) => {
      const place = `BLOBFILE(path = string("@model_path/${file(i)}.bin"), offset = uint64(${offset(i)}))`
      const operand = i === 0 ? 'a' : `z${i - 1}`
      const result = i === count - 1 ? 'z' : `z${i}`
      return `tensor<fp16, [1, 64, 1, 64]> w${i} = const()[val = tensor<fp16, [1, 64, 1, 64]>(${place})];
              tensor<fp16, [1, 64, 1, 64]> ${result} = add(x = ${operand}, y = w${i});`
    }).join('\n'),
  )

export const attention = (mask: boolean) =>
  build((b) => {
    const q = b.input('a', 'fp16', [1, 4, 32, 32])
    const attn_mask = b.constant('fp16', [32, 32], new Float32Array(1024))
    b.output(b.op('scaled_dot_product_attention', { query: q, key: q, value: q, ...(mask && { attn_mask }) }), 'z')
  })

export const softmaxOver = (keys: number) =>
  build((b) => {
    const q = b.input('a', 'fp16', [1, 4, 32, 32])
    const k = b.input('b', 'fp16', [1, 4, 32, keys])
    const p = b.softmax({ x: b.matmul({ x: q, y: k, transpose_x: false, transpose_y: false }), axis: -1 })
    b.output(b.matmul({ x: p, y: k, transpose_x: false, transpose_y: true }), 'z')
  })

export const product = (inner: number) =>
  build((b) => {
    const x = b.input('a', 'fp16', [1, 1, 64, inner])
    b.output(b.matmul({ x, y: x, transpose_x: false, transpose_y: true }), 'z')
  })

export const scalar = (value: string) =>
  text(`fp16 k = const()[val = fp16(${value})]; tensor<fp16, [1, 64, 1, 64]> z = mul(x = a, y = k);`)

export const interfaceOf = (inputs: [string, number][], outputs: [string, number][]) =>
  build((b) => {
    const values = inputs.map(([name, columns]) => b.input(name, 'fp16', [1, 256, 1, columns]))
    for (const [i, [name, columns]] of outputs.entries()) {
      b.output(b.sliceBySize({ x: values[i] ?? values[0], begin: [0, 0, 0, 0], size: [1, 256, 1, columns] }), name)
    }
  })

export const surfaces = (target: LimitTarget, a: number, z: number): LimitTarget => ({ ...target, surfaces: { a, z } })
export const bools = 'bool(false)'
export const matmulText = (flag: string) =>
  text(
    `bool no = const()[val = bool(false)];
        tensor<fp16, [1, 64, 1, 64]> r = matmul(x = a, y = a, transpose_x = ${flag}, transpose_y = no);`
      .replaceAll('1, 64, 1, 64', '1, 1, 64, 64')
      .replace('> r', '> z'),
    {
      inputs: 'tensor<fp16, [1, 1, 64, 64]> a',
    },
  )
export const scaled = (scale: string) =>
  text(
    `tensor<fp16, [64, 64]> w = constexpr_blockwise_shift_scale()[data = tensor<int8, [64, 64]>(BLOBFILE(path = string("@model_path/w.bin"), offset = uint64(64))), scale = ${scale}];
     tensor<fp16, [64, 64]> z = mul(x = w, y = w);`,
  )
export const scaleFile = (blocks: number) =>
  `tensor<fp16, [64, ${blocks}]>(BLOBFILE(path = string("@model_path/s.bin"), offset = uint64(64)))`

export function conv32(): Program {
  return text(
    `tensor<fp16, [64, 64, 1, 1]> w = const()[val = tensor<fp16, [64, 64, 1, 1]>(BLOBFILE(path = string("@model_path/w.bin"), offset = uint64(64)))];
     tensor<fp16, [1, 64, 1, 64]> s = slice_by_index(x = a, begin = tensor<int32, [4]>([0, 0, 0, 0]), end = tensor<int32, [4]>([1, 64, 1, 64]));
     tensor<fp16, [1, 64, 1, 64]> p = pow(x = s, y = fp16(-0.5));
     tensor<fp16, [1, 64, 1, 64]> z = conv(x = p, weight = w);`,
  )
}

export function zeroProduct(factor: number): Program {
  return build((b) => {
    const x = b.input('a', 'fp16', [1, 64, 1, 64])
    b.output(b.mul({ x: b.reduceSum({ x, axes: [1], keep_dims: true }), y: factor }), 'z')
  })
}

export function stacked(channels: number): Program {
  return build((b) => {
    const weight = b.constant('fp16', [channels, channels, 1, 1], { blob: '@model_path/w.bin' })
    let x = b.input('a', 'fp16', [1, channels, 1, 64])
    for (let i = 0; i < 8; i++) x = b.conv({ x, weight })
    b.output(x, 'z')
  })
}
