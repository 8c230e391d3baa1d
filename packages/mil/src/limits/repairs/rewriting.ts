/** Rewriting single operations of a function into others, with names, constants and outputs kept in order. */

import { type Builder, createBuilder } from '../../builder.js'
import type { BlobFiles, Block, Function as Func, Operation, Program, Value } from '../../ir.js'
import { stringLiteral } from '../../literals.js'
import { isFloat, tensorOf } from '../../tensor.js'
import { mapUses } from '../../value-graph.js'
import type { ResolvedTarget } from '../chips.js'
import { ProgramFacts } from '../facts.js'

/** A program with its weight files while it is repaired. */
export interface Repaired {
  readonly program: Program
  readonly blobs: BlobFiles
  /** Number of places that were changed. */
  readonly count: number
}

/** One repair. */
export type Repair = (program: Program, blobs: BlobFiles, target: ResolvedTarget) => Repaired

/** What a rewriter sees of one operation. */
export interface Site {
  readonly b: Builder
  /** The operation with its operands in the new function. */
  readonly operation: Operation
  /** The operation and the function as they were. */
  readonly original: Operation
  readonly facts: ProgramFacts
  /** A given operand in the new function. @throws {TypeError} if it is absent or immediate */
  operand(name: string): Value
  /** Values of a variadic operand in the new function. */
  operands(name: string): Value[]
}

/** Returns the values that stand for the results, or undefined to keep the operation. */
export type Rewriter = (site: Site) => Value[] | undefined

/**
 * Makes a repair that rewrites operations of known shape at the top level of every function.
 *
 * Rewriters get named constants only: `name-constants` runs before them.
 */
export function rewriting(names: readonly string[], rewrite: Rewriter): Repair {
  const wanted = new Set(names)
  return (program, blobs, target) => {
    const files = new Map(blobs)
    let count = 0
    const functions = program.functions.map((func) => {
      const facts = new ProgramFacts(program, func, target)
      if (!facts.operations.some(({ op }) => wanted.has(op))) return func
      const rewritten = rewriteFunction(func, facts, wanted, rewrite)
      count += rewritten.count
      for (const [path, bytes] of rewritten.blobs) files.set(path, bytes)
      return rewritten.count > 0 ? rewritten.func : func
    })
    return { program: { ...program, functions }, blobs: files, count }
  }
}

function rewriteFunction(func: Func, facts: ProgramFacts, wanted: ReadonlySet<string>, rewrite: Rewriter) {
  const b = createBuilder({ opset: func.opset, name: func.name })
  b.reserve(namesOf(func))
  const replaced = new Map<Value, Value>()
  const replace = (value: Value) => replaced.get(value) ?? value
  let count = 0
  for (const original of func.operations) {
    const operation = mapUses(original, replace)
    const results =
      wanted.has(original.op) && hasKnownShapes(original) ? rewrite(siteOf(b, operation, original, facts)) : undefined
    if (!results) {
      b.append(operation)
      continue
    }
    count++
    original.results.forEach((value, i) => {
      replaced.set(value, results[i])
      if (func.outputs.includes(value)) rename(b, results[i], value.name)
    })
  }
  const { operations } = b.function
  return { func: { ...func, operations, outputs: func.outputs.map(replace) }, blobs: b.blobs, count }
}

function siteOf(b: Builder, operation: Operation, original: Operation, facts: ProgramFacts): Site {
  return {
    b,
    operation,
    original,
    facts,
    operand(name) {
      const operand = operation.operands[name]
      if (operand?.kind !== 'value') throw new TypeError(`Expected a value for ${name} of ${operation.op}, got none.`)
      return operand.value
    },
    operands: (name) => facts.values(operation, name),
  }
}

function rename(b: Builder, value: Value, name: string): void {
  value.name = name
  const producer = b.function.operations.find((operation) => operation.results.includes(value))
  if (producer?.results.length === 1) producer.attributes.name = stringLiteral(name)
}

/** Names of all values of a function, those in blocks too. */
export function namesOf({ inputs, ...block }: Pick<Func, 'inputs'> & Block): string[] {
  const inner = ({ operations }: Block): string[] =>
    operations.flatMap(({ results, blocks }) => [...results.map(({ name }) => name), ...blocks.flatMap(inner)])
  return [...inputs.map(({ name }) => name), ...inner(block)]
}

function hasKnownShapes({ operands, results }: Operation): boolean {
  const values = Object.values(operands).flatMap((operand) =>
    operand.kind === 'value'
      ? [operand.value]
      : operand.kind === 'list'
        ? operand.items.flatMap((item) => (item.kind === 'value' ? [item.value] : []))
        : [],
  )
  return [...values, ...results].every(({ type }) => tensorOf(type)?.shape.includes(null) === false)
}

/** Known shape of a value. */
export function dims(value: Value): number[] {
  return [...(tensorOf(value.type)?.shape ?? [])] as number[]
}

/** Tells whether a value holds floating-point numbers. */
export function isFloating(value: Value): boolean {
  const type = tensorOf(value.type)
  return type !== undefined && isFloat(type.dtype)
}
