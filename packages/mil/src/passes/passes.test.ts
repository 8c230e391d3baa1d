import { describe, expect, it } from 'vitest'
import { type Builder, buildProgram } from '../builder.js'
import { evaluate } from '../evaluate.js'
import type { Program } from '../ir.js'
import { print } from '../printer.js'
import { elideBroadcasts } from './broadcast-elision.js'
import { eliminateCommonSubexpressions } from './common-subexpressions.js'
import { foldConstants } from './constant-folding.js'
import { eliminateDeadCode } from './dead-code.js'
import { simplifyViews } from './view-simplification.js'

const written = (write: (b: Builder) => void): Program => buildProgram({}, write).program
const ops = (program: Program): string[] =>
  program.functions[0].operations.map(({ op }) => op).filter((op) => op !== 'const')
const x = { dtype: 'fp16', shape: [1, 4, 1, 6], data: Float32Array.from({ length: 24 }, (_, i) => i / 8 - 1) } as const

/** Runs a pass and checks that results stay and the given program is not touched. */
function passed(program: Program, pass: (program: Program) => Program): Program {
  const before = print(program)
  const result = pass(program)
  expect(print(program)).toBe(before)
  expect(evaluate(result, { x })).toEqual(evaluate(program, { x }))
  return result
}

describe('eliminateDeadCode', () => {
  it('removes operations and constants nothing needs', () => {
    const program = written((b) => {
      const input = b.input('x', 'fp16', x.shape)
      b.mul({ x: b.exp({ x: input }), y: 3 })
      b.output(b.add({ x: input, y: 1 }), 'y')
    })
    const result = passed(program, eliminateDeadCode)
    expect(result.functions[0].operations.map(({ op }) => op)).toEqual(['const', 'add'])
  })
})

describe('foldConstants', () => {
  it('computes what does not depend on an input, rounded as the operations would', () => {
    const program = written((b) => {
      const input = b.input('x', 'fp16', x.shape)
      const third = b.realDiv({ x: b.constant('fp16', [], [1]), y: b.constant('fp16', [], [3]) })
      b.output(b.mul({ x: input, y: b.mul({ x: third, y: third }) }), 'y')
    })
    expect(ops(passed(program, foldConstants))).toEqual(['mul'])
  })

  it('leaves large results computed', () => {
    const program = written((b) => {
      const input = b.input('x', 'fp16', x.shape)
      const zeros = b.op('fill', { shape: [64, 65], value: b.constant('fp16', [], [2]) })
      const total = b.reduceSum({ x: zeros, axes: [0, 1], keep_dims: false })
      b.output(b.mul({ x: input, y: total }), 'y')
    })
    expect(ops(foldConstants(program))).toContain('fill')
  })
})

describe('eliminateCommonSubexpressions', () => {
  it('merges equal operations and keeps the names of outputs', () => {
    const program = written((b) => {
      const input = b.input('x', 'fp16', x.shape)
      const first = b.exp({ x: input }, 'first')
      b.output(b.add({ x: first, y: 1 }), 'y')
      b.output(b.exp({ x: input }), 'z')
      b.output(b.exp({ x: input }), 'w')
    })
    const result = passed(program, eliminateCommonSubexpressions)
    expect(ops(result)).toEqual(['exp', 'add', 'exp'])
    expect(result.functions[0].outputs.map(({ name }) => name)).toEqual(['y', 'z', 'w'])
  })

  it('keeps operations that differ in a constant apart', () => {
    const program = written((b) => {
      const input = b.input('x', 'fp16', x.shape)
      b.output(b.add({ x: b.mul({ x: input, y: 2 }), y: b.mul({ x: input, y: 3 }) }), 'y')
    })
    expect(ops(passed(program, eliminateCommonSubexpressions))).toEqual(['mul', 'mul', 'add'])
  })
})

describe('elideBroadcasts', () => {
  it('leaves out products with ones where the next operation repeats the value', () => {
    const program = written((b) => {
      const input = b.input('x', 'fp16', x.shape)
      const ones = b.constant('fp16', [1, 4, 1, 1], [1, 1, 1, 1])
      const repeated = b.mul({ x: b.reduceSum({ x: input, axes: [1], keep_dims: true }), y: ones })
      b.output(b.sub({ x: input, y: repeated }), 'y')
      b.output(b.exp({ x: repeated }), 'z')
    })
    const result = passed(program, elideBroadcasts)
    expect(ops(result)).toEqual(ops(program))
    const [sum, , sub] = result.functions[0].operations.filter(({ op }) => op !== 'const')
    expect(sub.operands.y).toEqual({ kind: 'value', value: sum.results[0] })
  })
})

describe('simplifyViews', () => {
  it('removes rearrangements that cancel', () => {
    const program = written((b) => {
      const input = b.input('x', 'fp16', x.shape)
      const there = b.transpose({ x: b.reshape({ x: input, shape: [1, 2, 2, 6] }), perm: [0, 2, 3, 1] })
      const back = b.reshape({ x: b.transpose({ x: there, perm: [0, 3, 1, 2] }), shape: x.shape })
      b.output(b.exp({ x: back }), 'y')
    })
    expect(ops(eliminateDeadCode(passed(program, simplifyViews)))).toEqual(['exp'])
  })

  it('makes a transpose of axes of size 1 a reshape, and keeps a real one', () => {
    const program = written((b) => {
      const input = b.input('x', 'fp16', x.shape)
      b.output(b.transpose({ x: input, perm: [0, 2, 1, 3] }), 'y')
      b.output(b.transpose({ x: input, perm: [0, 3, 2, 1] }), 'z')
    })
    expect(ops(passed(program, simplifyViews))).toEqual(['reshape', 'transpose'])
  })
})
