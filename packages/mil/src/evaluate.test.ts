import { describe, expect, it } from 'vitest'
import { buildProgram } from './builder.js'
import { evaluate } from './evaluate.js'
import type { Value } from './ir.js'
import { OpError } from './ops/row.js'
import { parse } from './parser.js'
import type { Tensor } from './tensor.js'

const fp16 = (shape: number[], data: number[]): Tensor => ({ dtype: 'fp16', shape, data: Float32Array.from(data) })

const scaled = buildProgram({}, (b) => {
  const x = b.input('x', 'fp16', [1, null])
  b.output(b.op('mul', { x, y: 0.1 }), 'y')
}).program

describe('evaluate', () => {
  it('rounds every result to its declared type', () => {
    const { y } = evaluate(scaled, { x: fp16([1, 2], [1, 3]) })
    expect(y).toEqual(fp16([1, 2], [0.0999755859375, 0.2998046875]))
  })

  it('keeps binary64 without rounding', () => {
    const { y } = evaluate(
      scaled,
      { x: { dtype: 'fp16', shape: [1, 1], data: Float64Array.of(1 / 3) } },
      { round: false },
    )
    expect(y.data).toBeInstanceOf(Float64Array)
    expect(y.data[0]).toBeCloseTo(0.0999755859375 / 3, 15)
  })

  it('rounds once after an operation, not inside it', () => {
    const { program } = buildProgram({}, (b) => {
      const x = b.input('x', 'fp16', [1, 3])
      b.output(b.op('reduce_sum', { x, axes: [1], keep_dims: true }), 'y')
    })
    expect(evaluate(program, { x: fp16([1, 3], [2048, 1, 1]) }).y.data[0]).toBe(2050)
  })

  it.each([
    ['a missing input', {}, /Expected a tensor for input x, got none/],
    ['an unknown input', { x: fp16([1, 1], [1]), z: fp16([1], [1]) }, /Expected an input of main for inputs, got z/],
    ['another shape', { x: fp16([2, 1], [1, 1]) }, /Expected fp16 \[1, \?\] for input x, got fp16 \[2, 1\]/],
    ['another type', { x: { ...fp16([1, 1], [1]), dtype: 'fp32' } }, /for input x, got fp32/],
    ['too few elements', { x: fp16([1, 2], [1]) }, /Expected 2 elements for input x, got 1/],
    ['numbers fp16 cannot hold', { x: fp16([1, 1], [0.1]) }, /Expected fp16 numbers for input x/],
    ['another array class', { x: { dtype: 'fp16', shape: [1, 1], data: Int32Array.of(1) } }, /Expected a Float32Array/],
  ] as [string, Record<string, Tensor>, RegExp][])('refuses %s', (_, inputs, message) => {
    expect(() => evaluate(scaled, inputs)).toThrow(RangeError)
    expect(() => evaluate(scaled, inputs)).toThrow(message)
  })

  it('names the operation that fails', () => {
    const { program } = buildProgram({}, (b) => {
      const [x, indices] = [b.input('x', 'fp16', [2]), b.input('indices', 'int32', [1])]
      b.output(b.op('gather', { x, indices, axis: 0 }), 'picked')
    })
    const inputs: Record<string, Tensor> = {
      x: fp16([2], [1, 2]),
      indices: { dtype: 'int32', shape: [1], data: Int32Array.of(2) },
    }
    expect(() => evaluate(program, inputs)).toThrow(new OpError('gather picked: Expected -2 to 1 for indices, got 2.'))
  })

  it('refuses a result that is not of its declared type', () => {
    const { program } = buildProgram({}, (b) => b.output(b.op('relu', { x: b.input('x', 'fp16', [2]) }), 'y'))
    const wrong = structuredClone(program)
    wrong.functions[0].operations[0].results[0].type = { kind: 'tensor', dtype: 'fp16', shape: [3] }
    expect(() => evaluate(wrong, { x: fp16([2], [1, 2]) })).toThrow(/Expected fp16 \[3\] for y, got fp16 \[2\]/)
  })

  it('refuses an operation it does not know', () => {
    const { program } = buildProgram({}, (b) => b.output(b.op('relu', { x: b.input('x', 'fp16', [2]) }), 'y'))
    const unknown = structuredClone(program)
    unknown.functions[0].operations[0].op = 'relu_of_tomorrow'
    expect(() => evaluate(unknown, { x: fp16([2], [1, 2]) })).toThrow(OpError)
  })

  it('updates states in the tensors given', () => {
    const { program } = buildProgram({}, (b) => {
      const x = b.input('x', 'fp16', [2])
      const state: Value = {
        name: 's',
        type: { kind: 'state', element: { kind: 'tensor', dtype: 'fp16', shape: [2] } },
      }
      b.function.inputs.push(state)
      const y = b.op('add', { x: b.op('read_state', { input: state }), y: x })
      b.ops('write_state', { input: state, data: y }, 'store')
      b.output(y, 'y')
    })
    const s = fp16([2], [10, 20])
    evaluate(program, { x: fp16([2], [1, 2]), s })
    const { y } = evaluate(program, { x: fp16([2], [1, 2]), s })
    expect([...s.data]).toEqual([12, 24])
    expect(y.data).toEqual(s.data)
  })
})

describe('values without elements', () => {
  const program = parse(`program(1.3)
{
    func main<ios18>(tensor<fp16, [?, 2]> x) {
        tensor<fp16, [?, 2]> s = slice_by_index(x = x, begin = tensor<int32, [2]>([1, 0]), end = tensor<int32, [2]>([3, 2]));
        tensor<fp16, [2]> y = reduce_sum(x = s, axes = tensor<int32, [1]>([0]), keep_dims = bool(false));
    } -> (y);
}`)
  const rows = (count: number) => ({
    x: { dtype: 'fp16' as const, shape: [count, 2], data: new Float32Array(2 * count).fill(1) },
  })

  it('are refused by name where unknown dimensions leave none', () => {
    expect(evaluate(program, rows(3)).y.data).toEqual(Float32Array.of(2, 2))
    expect(() => evaluate(program, rows(1))).toThrow('Expected at least one element for s, got fp16 [0, 2].')
    expect(() => evaluate(program, rows(0))).toThrow('Expected at least one element for input x, got fp16 [0, 2].')
  })
})
