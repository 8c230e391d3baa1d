import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FormatError } from './format-error.js'
import type { Literal, Operation } from './ir.js'
import { parse } from './parser.js'

const body = (operations: string, inputs = 'tensor<fp16, [1, 4]> x', outputs = 'y') =>
  `program(1.3)\n[buildInfo = dict<string, string>({})]\n{\nfunc main<ios18>(${inputs}) {\n${operations}\n} -> (${outputs});\n}`

const first = (operations: string): Operation => parse(body(operations)).functions[0].operations[0]
const constant = (value: string): Literal => {
  const operand = first(`fp16 y = const()[name = string("y"), val = ${value}];`).operands.val
  if (operand.kind !== 'literal') throw new Error('no literal')
  return operand.literal
}
const numbers = (value: string) => {
  const literal = constant(value)
  return literal.value.kind === 'numbers' ? literal.value.data : literal.value
}

function failure(text: string): FormatError {
  try {
    parse(text, { path: 'a.mil' })
  } catch (error) {
    if (error instanceof FormatError) return error
    throw error
  }
  throw new Error(`Accepted ${text}`)
}

describe('parse', () => {
  it('reads both spellings to the same program', () => {
    const old = `program(1.0)
[buildInfo = dict<tensor<string, []>, tensor<string, []>>({{"coremlc-version", "3404.23.1"}})]
{
    func main<ios16>(tensor<fp16, [1, 4]> a) {
            tensor<int32, []> n = const()[name = tensor<string, []>("n"), val = tensor<int32, []>(2)];
            tensor<fp16, [1, 4]> c = mul(x = a, y = a)[name = tensor<string, []>("c")];
        } -> (c);
}`
    const fresh = `program(1.3)
[buildInfo = dict<string, string>({{"coremlc-version", "3404.23.1"}})]
{
    func main<ios16>(tensor<fp16, [1, 4]> a) {
            int32 n = const()[name = string("n"), val = int32(2)];
            tensor<fp16, [1, 4]> c = mul(x = a, y = a)[name = string("c")];
        } -> (c);
}`
    expect({ ...parse(old), version: '' }).toEqual({ ...parse(fresh), version: '' })
    expect(parse(old).version).toBe('1.0')
  })

  it('keeps operand identity, several results, variadic operands and positions', () => {
    const program = parse(body('fp16 p, fp16 q = split(x = x); fp16 y = concat(values = (q, p, fp16(1)), axis = 0);'))
    const [split, concat] = program.functions[0].operations
    expect(split.results.map((value) => value.name)).toEqual(['p', 'q'])
    const { values, axis } = concat.operands
    if (values.kind !== 'list' || values.items[0].kind !== 'value') throw new Error('no list')
    expect(values.items[0].value).toBe(split.results[1])
    expect(values.items[2].kind).toBe('literal')
    expect(axis.kind === 'literal' && axis.literal.type).toEqual({ kind: 'tensor', dtype: 'int32', shape: [] })
    expect(split.position).toEqual({ line: 5, column: 1 })
    expect(concat.position).toEqual({ line: 5, column: 32 })
  })

  it('reads hexadecimal, decimal and special floats and rounds each to its type', () => {
    expect(numbers('tensor<fp16, [6]>([0x1.8p-3, 0.1, -65504, inf, -inf, 1e-05])')).toEqual(
      Float32Array.of(0.1875, 0.0999755859375, -65504, Infinity, -Infinity, 1.0013580322265625e-5),
    )
    expect(numbers('fp32(nan)')).toEqual(Float32Array.of(Number.NaN))
    expect(numbers('tensor<fp64, []>(0.1)')).toEqual(Float64Array.of(0.1))
    expect(numbers('bf16(0x1.92p+1)')).toEqual(Float32Array.of(3.140625))
  })

  it('keeps 64-bit integers exact and bools as 0 and 1', () => {
    expect(numbers('uint64(18446744073709551615)')).toEqual(BigUint64Array.of(18446744073709551615n))
    expect(numbers('tensor<int64, [1]>([-9223372036854775808])')).toEqual(BigInt64Array.of(-9223372036854775808n))
    expect(numbers('tensor<bool, [2]>([true, false])')).toEqual(Uint8Array.of(1, 0))
    expect(numbers('tensor<uint3, [2]>([7, 0])')).toEqual(Uint8Array.of(7, 0))
  })

  it('reads nested, flat and unbracketed tensors alike', () => {
    const expected = Int32Array.of(1, 2, 3, 4)
    expect(numbers('tensor<int32, [2, 2]>([[1, 2], [3, 4]])')).toEqual(expected)
    expect(numbers('tensor<int32, [2, 2]>([1, 2, 3, 4])')).toEqual(expected)
    expect(numbers('tensor<int32, [?, 2]>([[1, 2], [3, 4]])')).toEqual(expected)
    expect(numbers('tensor<int32, [1]>(7)')).toEqual(Int32Array.of(7))
    expect(numbers('tensor<int32, [0]>([])')).toEqual(Int32Array.of())
  })

  it('reads lists, tuples, dicts and file references', () => {
    expect(constant('list<string, 2>(["a", "b\\"\\\\"])').value).toMatchObject({
      items: [{ value: { data: ['a'] } }, { value: { data: ['b"\\'] } }],
    })
    expect(constant('tuple<string, dict<string, tensor<int32, [?]>>>(("d", {{"x", [1, 2]}}))').value).toMatchObject({
      items: [{}, { value: { entries: [[{}, { value: { data: Int32Array.of(1, 2) } }]] } }],
    })
    expect(
      constant('tensor<fp16, [4]>(BLOBFILE(path = string("@model_path/w.bin"), offset = uint64(64)))').value,
    ).toEqual({ kind: 'blob', path: '@model_path/w.bin', offset: 64 })
  })

  it('puts constants of constexpr operations with the operands and annotations with the attributes', () => {
    const { operands, attributes } = first(
      'fp16 y = constexpr_affine_dequantize()[axis = int32(0), name = string("y"), milId = uint64(3)];',
    )
    expect(Object.keys(operands)).toEqual(['axis'])
    expect(Object.keys(attributes)).toEqual(['name', 'milId'])
  })

  it('reads comments, nested blocks, states, buffers, opset tags and several functions', () => {
    const program = parse(`program(1) { // comment
      func a<CoreML8>(state<tensor<fp16, [2]>> s, tensor_buffer<fp16, shape=[2, 1], strides=[64, 1]> t, bool c) {
        tensor<fp16, [2]> r = read_state(input = s);
        tensor<fp16, [2]> y = cond<ios17>(pred = c) { } -> (r) { fp16 z = f(x = r); } -> (z);
      } -> (y)
      func b() { } -> ();
    }`)
    expect(program.functions.map((func) => func.name)).toEqual(['a', 'b'])
    expect(program.functions[0].operations[1].blocks).toHaveLength(2)
    expect(program.functions[0].inputs[1].type).toEqual({
      kind: 'tensor_buffer',
      dtype: 'fp16',
      fields: { shape: [2, 1], strides: [64, 1] },
    })
  })

  it('allows values named like types and constants', () => {
    const program = parse(body('fp16 true = f(x = fp16); fp16 y = g(a = true, b = fp16);', 'fp16 fp16'))
    expect(program.functions[0].operations[1].operands.a.kind).toBe('value')
    expect(program.functions[0].operations[1].operands.b.kind).toBe('value')
  })

  it.each([
    ['a positional operand', body('fp16 y = identity(x);'), 5, 20],
    ['a bare list', body('fp16 y = f(axes = [0, 1]);'), 5, 19],
    ['a value used before its definition', body('fp16 y = f(x = y);'), 5, 16],
    ['results in parentheses', body('(fp16 y, fp16 z) = f();'), 5, 1],
    ['a BLOBFILE without types', body('fp16 y = const()[val = fp16(BLOBFILE(path = "a", offset = 64))];'), 5, 45],
    ['too few elements', body('fp16 y = const()[val = tensor<int32, [3]>([1, 2])];'), 5, 43],
    ['elements at different depths', body('fp16 y = const()[val = tensor<int32, [2, 1]>([1, [2]])];'), 5, 50],
    ['ragged rows', body('fp16 y = const()[val = tensor<int32, [2, 2]>([[1, 2], [3]])];'), 5, 58],
    ['an integer outside its type', body('fp16 y = const()[val = int8(128)];'), 5, 29],
    ['a float that would become infinite', body('fp16 y = const()[val = fp16(65520)];'), 5, 29],
    ['a fraction for an integer', body('fp16 y = const()[val = int32(1.5)];'), 5, 30],
    ['an operand given twice', body('fp16 y = f(x = x, x = x);'), 5, 19],
    ['an undefined output', body('', 'fp16 x', 'z'), 6, 7],
    ['an unknown type', body('float y = f();'), 5, 1],
    ['an unfinished string', body('fp16 y = const()[name = string("'), 5, 32],
    ['a strange character', body('fp16 y = f(x = §);'), 5, 16],
    ['text after the end', `${body('', 'fp16 x', 'x')} x`, 7, 3],
    ['another file', 'version https://git-lfs.github.com/spec/v1', 1, 1],
    ['an empty text', '', 1, 1],
  ])('refuses %s with its position', (_, text, line, column) => {
    const error = failure(text)
    expect([error.path, error.line, error.column]).toEqual(['a.mil', line, column])
    expect(error.message).toMatch(/^a\.mil:\d+:\d+: Expected .* got .*\.$/)
  })

  it('bounds nesting of types, values and blocks', () => {
    const deep = 100_000
    const texts = [
      body(`${'list<'.repeat(deep)}`),
      body(`fp16 y = const()[val = ${'list<'.repeat(30)}fp16${'>'.repeat(30)}(${'['.repeat(deep)}`),
      body(`fp16 y = const()[val = list<string, ?>(${'[list<string, ?>('.repeat(deep)}`),
      body(`fp16 y = f(x = ${'('.repeat(deep)}`),
      body(`fp16 y = f() ${'{ fp16 z = f() '.repeat(deep)}`),
      body(`fp16 y = const()[val = tensor<fp16, [${'1, '.repeat(deep)}`),
      body(`fp16 y = const()[val = tensor<fp16, [1, 1]>(${'['.repeat(deep)}`),
      body(`fp16 y = const()[val = int64(${'9'.repeat(deep)})];`),
      `program(${'1'.repeat(deep)})`,
    ]
    for (const text of texts) expect(() => parse(text)).toThrow(FormatError)
  })

  it('does not touch prototypes', () => {
    expect(() => parse(body('fp16 y = f(__proto__ = x);'))).toThrow(FormatError)
    expect(first('fp16 y = f(constructor = x);').operands.constructor).toMatchObject({ kind: 'value' })
  })

  it('reads long strings, comments and arrays without running out of stack', () => {
    const text = body(
      `${'// c\n'.repeat(200_000)}string y = const()[name = string("${'a\\"'.repeat(300_000)}"), val = string("v")];
       tensor<int32, [100000]> z = const()[val = tensor<int32, [100000]>([${Array(100_000).fill(1).join(',')}])];`,
    )
    expect(parse(text).functions[0].operations).toHaveLength(2)
  })

  it('answers random text and random tokens with a program or a FormatError', () => {
    const token = fc.constantFrom(
      ...'program func const ( ) [ ] { } < > , ; = ? -> 1.3 1 -1 0x1p+0 "s" x y fp16 tensor list dict tuple true inf BLOBFILE'.split(
        ' ',
      ),
    )
    const random = fc.oneof(
      fc.string(),
      fc.array(token, { maxLength: 60 }).map((tokens) => tokens.join(' ')),
    )
    fc.assert(
      fc.property(random, fc.boolean(), (text, wrapped) => {
        try {
          parse(wrapped ? body(text) : text)
        } catch (error) {
          return error instanceof FormatError
        }
      }),
      { numRuns: 2000 },
    )
  })
})
