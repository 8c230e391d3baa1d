/** Writing programs in TypeScript: operations by name, constants made from plain numbers, shapes inferred at once. */

import { type BuildOptions, GraphBuilder, type NameOption } from './graph-builder.js'
import type { Program, Value } from './ir.js'
import type { OperandInput } from './ops/row.js'
import { opNames } from './ops/table.js'

export * from './graph-builder.js'

/** What `buildProgram` returns. */
export interface BuiltProgram {
  program: Program
  /** Weight files by the path the program names. */
  blobs: Map<string, Uint8Array>
  /** Names of the values marked with `b.detach`, for `grad`. */
  detached: string[]
}

type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<CamelCase<Tail>>}` : S

/** Operations with one result that have a typed builder method; any other is reached through `op` or `ops`. */
export const methodOperations = [
  'abs',
  'add',
  'cast',
  'clip',
  'concat',
  'conv',
  'cos',
  'equal',
  'exp',
  'expand_dims',
  'gather',
  'gelu',
  'greater',
  'greater_equal',
  'identity',
  'inverse',
  'layer_norm',
  'less',
  'less_equal',
  'linear',
  'log',
  'logical_not',
  'matmul',
  'maximum',
  'minimum',
  'mul',
  'pad',
  'pow',
  'real_div',
  'reduce_max',
  'reduce_mean',
  'reduce_min',
  'reduce_sum',
  'reduce_sum_square',
  'relu',
  'reshape',
  'rsqrt',
  'select',
  'sigmoid',
  'sign',
  'silu',
  'sin',
  'slice_by_index',
  'slice_by_size',
  'softmax',
  'sqrt',
  'square',
  'squeeze',
  'sub',
  'tanh',
  'tile',
  'transpose',
] as const

/** A builder with a method per operation: `reduce_sum` is `b.reduceSum({ x, axes: [1] }, 'total')`. */
export type Builder = GraphBuilder & {
  readonly [Name in (typeof methodOperations)[number] as CamelCase<Name>]: (
    operands: Record<string, OperandInput>,
    options?: NameOption,
  ) => Value
} & {
  readonly split: (operands: Record<string, OperandInput>, options?: NameOption) => Value[]
}

/** Makes an empty builder whose methods cover every operation of the table. */
export function createBuilder(options: BuildOptions = {}): Builder {
  const builder = new GraphBuilder(options) as GraphBuilder & Record<string, unknown>
  for (const op of opNames()) {
    const method = op.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
    if (method in builder) continue
    builder[method] = (operands: Record<string, OperandInput>, name?: NameOption) => {
      const results = builder.ops(op, operands, name)
      return results.length === 1 && op !== 'split' ? results[0] : results
    }
  }
  return builder as never
}

/**
 * Writes a program of one function: `write` gets the builder and declares inputs, operations and outputs.
 *
 * @throws {OpError} if an operation does not accept its operands
 * @example
 * const { program } = buildProgram({}, (b) => {
 *   const x = b.input('x', 'fp16', [1, 64, 1, 32])
 *   b.output(b.mul({ x, y: 0.5 }), 'half')
 * })
 */
export function buildProgram(options: BuildOptions, write: (b: Builder) => void): BuiltProgram {
  const builder = createBuilder(options)
  write(builder)
  const detached = [...builder.detached].map((value) => value.name)
  return { program: builder.program(options.version), blobs: builder.blobs, detached }
}
