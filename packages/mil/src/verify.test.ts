import { describe, expect, it } from 'vitest'
import { writeBlobs } from './blob-writer.js'
import type { Program } from './ir.js'
import { parse } from './parser.js'
import { verify } from './verify.js'

const program = (operations: string, inputs = 'tensor<fp16, [1, 4]> x', outputs = 'y') =>
  parse(`program(1.3) { func main<ios18>(${inputs}) {\n${operations}\n} -> (${outputs}); }`)

const messages = (checked: Program, options?: Parameters<typeof verify>[1]) =>
  verify(checked, options).map(({ severity, message }) => `${severity}: ${message}`)

const relu = 'tensor<fp16, [1, 4]> y = relu(x = x);'

describe('verify', () => {
  it('finds nothing in a correct program', () => {
    expect(messages(program(relu))).toEqual([])
  })

  it('compares declared types with inferred ones and tells where', () => {
    expect(verify(program('tensor<fp16, [1, 5]> y = relu(x = x);'))).toEqual([
      {
        severity: 'error',
        message: 'Expected tensor<fp16, [1, 4]> for y, got tensor<fp16, [1, 5]>.',
        line: 2,
        column: 1,
        function: 'main',
        operation: 'y',
      },
    ])
  })

  it('takes the declared types of an unknown operation and warns', () => {
    expect(messages(program('tensor<fp16, [9]> y = mystery(x = x);'))).toEqual([
      'warning: Expected a known operation, got mystery.',
    ])
  })

  it('warns of an operation newer than the operator set, unless it has its own tag', () => {
    const scaled = (opset: string, tag = '') =>
      parse(`program(1.3) { func main<${opset}>(tensor<fp16, [2]> x) {
        tensor<fp16, [2]> y = identity(x = x);
        tensor<int8, [2]> q = quantize${tag}(input = y, scale = fp16(1), output_dtype = string("int8"));
      } -> (q); }`)
    expect(messages(scaled('ios16'))).toEqual(['warning: Expected opset ios17 or later for quantize, got ios16.'])
    expect(messages(scaled('ios16', '<ios17>'))).toEqual([])
    expect(messages(scaled('ios18'))).toEqual([])
    expect(messages(scaled('CoreML6'))).toEqual([])
  })

  it('reports operands an operation does not take', () => {
    expect(messages(program('tensor<fp16, [1, 4]> y = relu(x = x, z = x);'))).toHaveLength(1)
    expect(messages(program('tensor<fp16, [1, 4]> y = relu();'))).toHaveLength(1)
  })

  it('allows a repeated equal constant with a warning, no other repeated name', () => {
    const c = 'int32 c = const()[val = int32(1)];'
    expect(messages(program(`${c}\n${c}\n${relu}`))).toEqual(['warning: Expected one value named c, got two.'])
    expect(messages(program(`${c}\nint32 c = const()[val = int32(2)];\n${relu}`))).toEqual([
      'error: Expected one value named c, got two.',
    ])
    expect(messages(program('tensor<fp16, [1, 4]> x = relu(x = x);', undefined, 'x'))).toEqual([
      'error: Expected one value named x, got two.',
    ])
  })

  it('checks constants against their declared type', () => {
    expect(messages(program(`fp32 c = const()[val = int32(1)];\n${relu}`))).toEqual([
      'error: Expected fp32 for val, got int32.',
    ])
    expect(messages(program(`fp32 c = const();\n${relu}`))).toEqual(['error: Expected a constant for val, got none.'])
    const short = program(`tensor<fp32, [2]> c = const()[val = tensor<fp32, [2]>([1, 2])];\n${relu}`)
    short.functions[0].operations[0].operands.val = {
      kind: 'literal',
      literal: {
        type: { kind: 'tensor', dtype: 'fp32', shape: [2] },
        value: { kind: 'numbers', data: Float32Array.of(1) },
      },
    }
    expect(messages(short)).toEqual(['error: Expected elements for tensor<fp32, [2]>, got 1.'])
  })

  it('refuses values without elements but lists that are known before a run', () => {
    const none = (name: string, type: string) => `error: Expected at least one element for ${name}, got ${type}.`
    const empty = 'tensor<fp16, [0, 4]>'
    expect(messages(program(`${empty} y = relu(x = x);`, `${empty} x`))).toEqual([
      none('x', empty),
      none('x', empty),
      none('y', empty),
    ])
    expect(messages(program('tensor<int32, [0]> y = abs(x = x);', 'tensor<int32, [0]> x'))).toEqual([
      none('x', 'tensor<int32, [0]>'),
      none('y', 'tensor<int32, [0]>'),
    ])
    const slice = 'slice_by_size(x = x, begin = tensor<int32, [2]>([0, 0]), size = tensor<int32, [2]>([0, 4]))'
    expect(messages(program(`${empty} y = ${slice};`))).toEqual([none('y', empty)])
    const constant = 'tensor<fp16, [0]> c = const()[val = tensor<fp16, [0]>([])];'
    expect(messages(program(`${constant}\n${relu}`))).toEqual([])
    expect(messages(program(`${constant}\ntensor<fp16, [0]> y = relu(x = c);`))).toContain(
      none('x', 'tensor<fp16, [0]>'),
    )
    const list = 'tensor<int32, [0]> s = shape(x = n);\nint32 y = reduce_prod(x = s, axes = tensor<int32, [1]>([0]));'
    expect(messages(program(`fp16 n = reduce_sum(x = x, keep_dims = bool(false));\n${list}`))).toEqual([])
  })

  it('checks order, outputs and functions of programs made in memory', () => {
    const made = program(`${relu}\ntensor<fp16, [1, 4]> z = relu(x = y);`, undefined, 'z, z')
    made.functions[0].operations.reverse()
    made.functions.push(made.functions[0])
    expect(messages(made).slice(0, 2)).toEqual([
      'error: Expected a value defined before for x, got y.',
      'error: Expected every output once, got z twice.',
    ])
    expect(messages(made)).toContain('error: Expected one function named main, got two.')
    expect(messages({ version: '1.3', attributes: {}, functions: [] })).toHaveLength(1)
    expect(messages(program('', undefined, ''))).toEqual(['error: Expected at least one output for main, got none.'])
  })

  it('checks file references, with the files when they are given', () => {
    const file = (path: string, offset: number) =>
      program(
        `tensor<fp16, [2]> c = const()[val = tensor<fp16, [2]>(BLOBFILE(path = string("${path}"), offset = uint64(${offset})))];\n${relu}`,
      )
    const { bytes } = writeBlobs([
      { dtype: 'fp16', data: [1, 2] },
      { dtype: 'fp16', data: [3] },
    ])
    const blobs = new Map([['@model_path/w.bin', bytes]])
    expect(messages(file('@model_path/w.bin', 64), { blobs })).toEqual([])
    expect(messages(file('@model_path/w.bin', 100))).toHaveLength(1)
    expect(verify(file('@model_path/w.bin', 100))[0].severity).toBe('warning')
    expect(messages(file('@model_path/../w.bin', 64))).toHaveLength(1)
    expect(messages(file('@model_path/v.bin', 64), { blobs })).toEqual([
      'error: Expected the weight file @model_path/v.bin, got none.',
    ])
    expect(messages(file('@model_path/w.bin', 128), { blobs })[0]).toContain(
      'Expected 0xdeadbeef at the start of a record, got 0x40003c00.',
    )
  })
})
