import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Literal, Operation, Program, Type, Value } from './ir.js'
import { numericLiteral, stringLiteral, tensorType } from './literals.js'
import { parse } from './parser.js'
import { print } from './printer.js'

const fp16 = (shape: number[]) => tensorType('fp16', shape)

function program(version: string, operations: Operation[], inputs: Value[], outputs: Value[]): Program {
  return {
    version,
    attributes: {},
    functions: [{ name: 'main', opset: 'ios18', inputs, operations, outputs, attributes: {} }],
  }
}

function operation(op: string, operands: Operation['operands'], results: Value[]): Operation {
  return { op, operands, attributes: {}, results, blocks: [] }
}

const immediate = (literal: Literal) => ({ kind: 'literal', literal }) as const
const valueOperand = (value: Value) => ({ kind: 'value', value }) as const

describe('print', () => {
  const x: Value = { name: 'x', type: fp16([1, 4]) }
  const y: Value = { name: 'y', type: fp16([1, 4]) }
  const scaled = operation('mul', { y: immediate(numericLiteral('fp16', [], [0.5])), x: valueOperand(x) }, [y])
  scaled.attributes.name = stringLiteral('y "quoted" \\')

  it('writes the version 1.3 spelling with named constants and a buildInfo', () => {
    expect(print(program('1.3', [scaled], [x], [y]))).toBe(`program(1.3)
[buildInfo = dict<string, string>({{"coremlc-version", "3505.4.1"}})]
{
    func main<ios18>(tensor<fp16, [1, 4]> x) {
            fp16 y_y = const()[name = string("y_y"), val = fp16(0x1p-1)];
            tensor<fp16, [1, 4]> y = mul(x = x, y = y_y)[name = string("y \\"quoted\\" \\\\")];
        } -> (y);
}`)
  })

  it('writes the version 1.0 spelling, immediates in place on request', () => {
    expect(print(program('1.0', [scaled], [x], [y]), { immediates: 'inline' })).toBe(`program(1.0)
[buildInfo = dict<tensor<string, []>, tensor<string, []>>({{"coremlc-version", "3505.4.1"}})]
{
    func main<ios18>(tensor<fp16, [1, 4]> x) {
            tensor<fp16, [1, 4]> y = mul(x = x, y = tensor<fp16, []>(0x1p-1))[name = tensor<string, []>("y \\"quoted\\" \\\\")];
        } -> (y);
}`)
  })

  it('gives the same text whatever the order of operands and the names a constant could clash with', () => {
    const clash: Value = { name: 'y_y', type: fp16([1, 4]) }
    const reordered = { ...scaled, operands: { x: scaled.operands.x, y: scaled.operands.y } }
    const texts = [scaled, reordered].map((op) =>
      print(program('1.3', [operation('relu', { x: valueOperand(x) }, [clash]), op], [x], [y])),
    )
    expect(texts[0]).toBe(texts[1])
    expect(texts[0]).toContain('fp16 y_y_0 = const()')
  })

  it('refuses names and references the text could not express', () => {
    const bad = (name: string): Value => ({ name, type: fp16([1, 4]) })
    for (const name of ['', '1a', 'a b', 'é', 'a-b', '__proto__']) {
      const input = bad(name)
      expect(() => print(program('1.3', [], [input], [input]))).toThrow(TypeError)
    }
    expect(() => print(program('1.3', [], [], [x]))).toThrow('Expected x to be the latest definition')
    const twin = bad('x')
    expect(() => print(program('1.3', [operation('relu', { x: valueOperand(x) }, [twin])], [x], [x]))).toThrow(
      TypeError,
    )
    expect(() => print({ version: '1.3\n', attributes: {}, functions: [] })).toThrow(TypeError)
  })

  it('refuses constants that do not belong to their type', () => {
    const wrong: Literal[] = [
      { type: fp16([3]), value: { kind: 'numbers', data: Float32Array.of(1, 2) } },
      { type: fp16([1]), value: { kind: 'strings', data: ['a'] } },
      { type: tensorType('string', []), value: { kind: 'numbers', data: Float32Array.of(1) } },
      { type: { kind: 'list', element: fp16([]), length: 2 }, value: { kind: 'list', items: [] } },
    ]
    for (const literal of wrong) {
      const op = operation('const', { val: immediate(literal) }, [{ name: 'c', type: literal.type }])
      expect(() => print(program('1.3', [op], [], []))).toThrow(TypeError)
    }
  })

  it('is a fixed point of parsing in both spellings', () => {
    fc.assert(
      fc.property(
        programs,
        fc.constantFrom('1.0', '1.3'),
        fc.constantFrom('const', 'inline'),
        (made, version, immediates) => {
          const text = print({ ...made, version }, { immediates })
          const parsed = parse(text)
          expect(print(parsed, { immediates })).toBe(text)
          const other = version === '1.0' ? '1.3' : '1.0'
          const respelled = parse(print({ ...parsed, version: other }, { immediates: 'inline' }))
          expect(print({ ...respelled, version }, { immediates })).toBe(text)
        },
      ),
      { numRuns: 200 },
    )
  })
})

const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_@]{0,6}$/)
const shape = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 })

const numeric: fc.Arbitrary<Literal> = fc
  .tuple(
    fc.constantFrom('fp16', 'fp32', 'fp64', 'int32', 'int4', 'uint8', 'bool', 'int64'),
    shape,
    fc.infiniteStream(fc.double()),
  )
  .map(([dtype, dims, stream]) => {
    const size = dims.reduce((a, b) => a * b, 1)
    const values = Array.from({ length: size }, () => stream.next().value as number)
    const float = dtype.startsWith('fp')
    const small = values.map((v) =>
      dtype === 'bool' ? Number(v > 0) : float && !Number.isNaN(v) ? Math.sign(v) * (Math.abs(v) % 1000) : 3,
    )
    return numericLiteral(
      dtype,
      dims,
      small.map((v) => (float && Number.isNaN(v) ? Infinity : v)),
    )
  })

const literals = fc.letrec<{ literal: Literal }>((tie) => ({
  literal: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    numeric,
    fc.string().map(stringLiteral),
    fc.array(fc.string(), { minLength: 1, maxLength: 3 }).map((items): Literal => {
      const type: Type = { kind: 'list', element: tensorType('string', []), length: items.length }
      return { type, value: { kind: 'list', items: items.map(stringLiteral) } }
    }),
    fc.array(tie('literal'), { maxLength: 3 }).map(
      (items): Literal => ({
        type: { kind: 'tuple', elements: items.map((item) => item.type) },
        value: { kind: 'list', items },
      }),
    ),
    tie('literal').map(
      (item): Literal => ({
        type: { kind: 'dict', key: tensorType('string', []), value: item.type },
        value: { kind: 'dict', entries: [[stringLiteral('k'), item]] },
      }),
    ),
    fc.nat(1 << 20).map(
      (offset): Literal => ({
        type: tensorType('fp16', [4]),
        value: { kind: 'blob', path: '@model_path/w.bin', offset },
      }),
    ),
  ),
})).literal

const programs = fc
  .array(fc.record({ op: name, result: name, type: shape, literal: literals, key: name, variadic: fc.boolean() }), {
    maxLength: 6,
  })
  .map((rows): Program => {
    const latest = new Map<string, Value>()
    const operations = rows.map((row): Operation => {
      const previous = [...latest.values()].map(valueOperand)
      const operands: Operation['operands'] = { [row.key]: immediate(row.literal) }
      if (row.variadic) operands.values = { kind: 'list', items: previous }
      else for (const [i, operand] of previous.slice(0, 3).entries()) operands[`x${i}`] = operand
      const result: Value = { name: row.result, type: fp16(row.type) }
      latest.set(result.name, result)
      return { op: `f_${row.op}`, operands, attributes: { [row.key]: row.literal }, results: [result], blocks: [] }
    })
    return program('1.3', operations, [], [...latest.values()])
  })
