import { describe, expect, it } from 'vitest'
import { blobPaths } from '../src/blob-paths.js'
import { readBlob } from '../src/blob-reader.js'
import { writeBlobs } from '../src/blob-writer.js'
import { checkLimits } from '../src/limits/check.js'
import { chipFamilies } from '../src/limits/chips.js'
import { lower } from '../src/limits/lower.js'
import { repairNames } from '../src/limits/rule.js'
import { limitRules } from '../src/limits/rules.js'
import { parse } from '../src/parser.js'
import { print } from '../src/printer.js'
import { build, lowered, randomTensor, shape, unary } from './lowering.js'

describe('clip', () => {
  it('stays with its warning, for minimum and maximum are in no known kernel either', () => {
    const program = unary('clip', { alpha: -1, beta: 1 })
    for (const chip of chipFamilies) {
      const { program: result } = lower(program, { chip })
      expect(result.functions[0].operations.some(({ op }) => op === 'clip')).toBe(true)
      const [found, ...others] = checkLimits(result, { chip }).filter(({ rule }) => rule === 'L-01')
      expect(found).toMatchObject({ op: 'clip', severity: 'warning', repairable: false })
      expect(others).toEqual([])
    }
  })

  it.each(['minimum', 'maximum'])('would gain nothing from %s', (op) => {
    const program = build((b) => {
      const x = b.input('a', 'fp16', [1, 64, 1, 64])
      b.output(b.op(op, { x, y: 1 }), 'z')
    })
    expect(checkLimits(program, { chip: 'm4' })).toContainEqual(
      expect.objectContaining({ rule: 'L-01', op, severity: 'warning' }),
    )
  })
})

describe('repairs of the text and the interface', () => {
  it('name immediate operands and the compiler version', () => {
    const text = 'program(1.3)\n{func main<ios18>(tensor<fp16, [1, 8, 1, 32]> a)'
    const program = parse(`${text} {tensor<fp16, [1, 8, 1, 32]> z = mul(x = a, y = fp16(2));} -> (z);}`)
    const { ids, program: result } = lowered(program, { tolerance: 0 })
    expect(ids).toEqual(expect.arrayContaining(['name-constants', 'build-info']))
    expect(result.functions[0].operations.map(({ op }) => op)).toEqual(['const', 'mul'])
    expect(print(result)).toContain('coremlc-version')
  })

  it('give each weight a file of its own', () => {
    const two = [5, 6].map((seed) => ({ dtype: 'fp16' as const, data: randomTensor(shape, seed).data }))
    const { bytes, offsets } = writeBlobs(two)
    const path = '@model_path/weights/all.bin'
    const constants = offsets.map(
      (offset, i) =>
        `tensor<fp16, [1, 8, 1, 32]> w${i} = const()[val = tensor<fp16, [1, 8, 1, 32]>(BLOBFILE(path = string("${path}"), offset = uint64(${offset})))];`,
    )
    const program = parse(`program(1.3)\n{func main<ios18>(tensor<fp16, [1, 8, 1, 32]> a) {${constants.join('')}
      tensor<fp16, [1, 8, 1, 32]> y = mul(x = a, y = w0); tensor<fp16, [1, 8, 1, 32]> z = add(x = y, y = w1);} -> (z);}`)
    const { ids, blobs, program: result } = lowered(program, { chip: 'm1', blobs: new Map([[path, bytes]]) })
    expect(ids).toContain('own-weight-files')
    expect([...blobs.keys()]).toEqual(blobPaths(result))
    expect(blobPaths(result)).toHaveLength(2)
    const first = blobs.get(blobPaths(result)[0])!
    expect(readBlob(first, 64, { dtype: 'fp16', elements: 256 }).data).toEqual(two[0].data)
  })

  it('rename inputs and outputs in the order they are bound', () => {
    const program = build((b) => {
      const [w, x] = [b.input('w', 'fp16', [1, 8, 1, 64]), b.input('a', 'fp16', [1, 8, 1, 32])]
      b.output(b.mul({ x, y: 2 }), 'z')
      b.output(b.mul({ x: w, y: 2 }), 'b')
    })
    expect(lowered(program).renamed).toEqual({ w: 'in0_w', a: 'in1_a', z: 'out0_z', b: 'out1_b' })
    const m1 = lowered(program, { chip: 'm1' })
    expect(m1.program.functions[0].inputs.map(({ name }) => name)).toEqual(['a', 'w'])
    expect(m1.program.functions[0].outputs.map(({ name }) => name)).toEqual(['b', 'z'])
    expect(m1.renamed).toEqual({})
  })

  it('return the parts of joined outputs when asked', () => {
    const program = build((b) => {
      const a = b.input('a', 'fp16', shape)
      b.output(b.concat({ values: [b.mul({ x: a, y: 2 }, 'twice'), b.mul({ x: a, y: 3 }, 'thrice')], axis: 1 }), 'z')
    })
    const { program: result, separated, renamed } = lower(program, { chip: 'm4', outputs: 'separate' })
    expect(separated).toEqual({ z: ['out0_twice', 'out1_thrice'] })
    expect(renamed).toEqual({ twice: 'out0_twice', thrice: 'out1_thrice' })
    expect(result.functions[0].operations.some(({ op }) => op === 'concat')).toBe(false)
  })
})

describe('lower', () => {
  it('spells a program for each chip and leaves the given one alone', () => {
    const program = unary('gelu', { mode: 'EXACT' })
    const before = print(program)
    const spelled = chipFamilies.map((chip) => {
      const { version, functions } = lower(program, { chip }).program
      return `${version} ${functions[0].opset}`
    })
    expect(spelled).toEqual(['1.0 ios16', '1.0 ios16', '1.3 ios18', '1.3 ios18', '1.3 ios18'])
    expect(print(program)).toBe(before)
  })

  it('changes nothing the second time', () => {
    for (const chip of chipFamilies) {
      const once = lower(unary('layer_norm', { axes: [1] }), { chip })
      const twice = lower(once.program, { chip, blobs: once.blobs })
      expect(twice.applied).toEqual([])
      expect(print(twice.program)).toBe(print(once.program))
    }
  })

  it('has a limit for every repair', () => {
    const named = new Set(limitRules.flatMap(({ repair }) => repair ?? []))
    expect([...named].sort()).toEqual([...repairNames].sort())
  })
})
