/** What checkers ask about one function of a program. */

import type { BlobReference, Dtype, Function as Func, Literal, Operand, Operation, Program, Value } from '../ir.js'
import { constantNumbers, constantsOf } from '../literals.js'
import { isFloat, tensorOf } from '../tensor.js'
import { usesOf } from '../value-graph.js'
import type { ResolvedTarget } from './chips.js'

/** Bytes allocated for the surface of each input and output, by name. */
export type SurfaceSizes = Readonly<Record<string, number>>

const BITS: Partial<Record<Dtype, number>> = { bool: 8, uint1: 1, uint2: 2, uint3: 3, uint4: 4, int4: 4, uint6: 6 }

/** One function seen through its constants, definitions and uses. */
export class ProgramFacts {
  /** Every operation with a result, those in blocks too, in order. */
  readonly operations: readonly Operation[]
  readonly constants: ReadonlyMap<Value, Literal>
  readonly #producers = new Map<Value, Operation>()
  readonly #users = new Map<Value, Operation[]>()

  constructor(
    readonly program: Program,
    readonly func: Func,
    readonly target: ResolvedTarget,
    readonly surfaces?: SurfaceSizes,
  ) {
    this.operations = flattened(func.operations).filter(({ results }) => results.length > 0)
    this.constants = constantsOf(func)
    for (const operation of this.operations) {
      for (const value of operation.results) this.#producers.set(value, operation)
      for (const value of new Set(usesOf(operation))) {
        const users = this.#users.get(value)
        if (users) users.push(operation)
        else this.#users.set(value, [operation])
      }
    }
  }

  /** Operations of the given names. */
  named(...names: string[]): Operation[] {
    return this.operations.filter(({ op }) => names.includes(op))
  }

  producer(value: Value): Operation | undefined {
    return this.#producers.get(value)
  }

  users(value: Value): readonly Operation[] {
    return this.#users.get(value) ?? []
  }

  isInput(value: Value): boolean {
    return this.func.inputs.includes(value)
  }

  isOutput(value: Value): boolean {
    return this.func.outputs.includes(value)
  }

  /** The value of an operand, undefined if it is absent, immediate or a list. */
  value(operation: Operation, name: string): Value | undefined {
    const operand = operation.operands[name]
    return operand?.kind === 'value' ? operand.value : undefined
  }

  /** The values of a variadic operand. */
  values(operation: Operation, name: string): Value[] {
    const operand = operation.operands[name]
    const items: readonly Operand[] = operand?.kind === 'list' ? operand.items : operand ? [operand] : []
    return items.flatMap((item) => (item.kind === 'value' ? [item.value] : []))
  }

  /** Numbers of a constant operand in the text, undefined otherwise. */
  numbers(operation: Operation, name: string): readonly number[] | undefined {
    return constantNumbers(operation.operands[name], this.constants)
  }

  /** The string of a constant operand. */
  text(operation: Operation, name: string): string | undefined {
    const operand = operation.operands[name]
    const literal =
      operand?.kind === 'literal'
        ? operand.literal
        : operand?.kind === 'value'
          ? this.constants.get(operand.value)
          : undefined
    return literal?.value.kind === 'strings' ? literal.value.data[0] : undefined
  }

  /** Tells whether an operand is known when the program is compiled. */
  isConstant(operation: Operation, name: string): boolean {
    const value = this.value(operation, name)
    if (!value) return operation.operands[name]?.kind === 'literal'
    return this.constants.has(value) || (this.producer(value)?.op.startsWith('constexpr_') ?? false)
  }

  /** Dimensions of a value, `null` where unknown; undefined for what is no tensor. */
  shape(value: Value | undefined): readonly (number | null)[] | undefined {
    return value && tensorOf(value.type)?.shape
  }

  dtype(value: Value | undefined): Dtype | undefined {
    return value && tensorOf(value.type)?.dtype
  }

  /** Axes of a reduction or the like, from 0; undefined if they are not in the text. */
  axes(operation: Operation, name = 'axes', of = 'x'): number[] | undefined {
    const rank = this.shape(this.value(operation, of))?.length
    const axes = this.numbers(operation, name)
    return rank === undefined ? undefined : axes?.map((axis) => (axis < 0 ? axis + rank : axis))
  }

  /** Bytes of a value, packed; undefined if a dimension is unknown. */
  bytes(value: Value): number | undefined {
    const type = tensorOf(value.type)
    if (!type || type.shape.includes(null) || type.dtype === 'string') return undefined
    const count = (type.shape as number[]).reduce((product, dim) => product * dim, 1)
    const bits = BITS[type.dtype] ?? (type.dtype.startsWith('fp8') ? 8 : Number(/\d+/.exec(type.dtype)?.[0] ?? 8))
    return Math.ceil((count * bits) / 8)
  }

  /** Allocated bytes of an input or output where they are known, else its packed bytes. */
  surfaceBytes(value: Value): number | undefined {
    return this.surfaces?.[value.name] ?? this.bytes(value)
  }

  /** Inputs and outputs, inputs first. */
  get io(): Value[] {
    return [...this.func.inputs, ...this.func.outputs]
  }

  /** References to weight files with the operation that holds them. */
  files(): { operation: Operation; reference: BlobReference; literal: Literal }[] {
    return this.operations.flatMap((operation) =>
      Object.values(operation.operands).flatMap((operand) => {
        if (operand.kind !== 'literal' || operand.literal.value.kind !== 'blob') return []
        return [{ operation, reference: operand.literal.value, literal: operand.literal }]
      }),
    )
  }

  /** Tells whether a value depends on an input, a state or a random number; what does not is known at compile time. */
  isComputed(value: Value): boolean {
    const pending = [value]
    const seen = new Set<Value>()
    while (pending.length > 0) {
      const next = pending.pop()!
      const operation = this.producer(next)
      if (seen.has(next)) continue
      seen.add(next)
      if (!operation || operation.op.startsWith('random_')) return true
      pending.push(...usesOf(operation))
    }
    return false
  }

  /** Tells whether `test` holds for a value or for one it depends on through operations in `through`. */
  reaches(value: Value, through: ReadonlySet<string>, test: (operation: Operation) => boolean): boolean {
    const pending = [value]
    const seen = new Set<Value>()
    while (pending.length > 0) {
      const next = pending.pop()!
      const operation = seen.has(next) ? undefined : this.producer(next)
      seen.add(next)
      if (!operation) continue
      if (test(operation)) return true
      if (through.has(operation.op)) pending.push(...usesOf(operation))
    }
    return false
  }

  /** Tells whether a value holds floating-point numbers. */
  isFloat(value: Value | undefined): boolean {
    const dtype = this.dtype(value)
    return dtype !== undefined && isFloat(dtype)
  }
}

function flattened(operations: readonly Operation[]): Operation[] {
  return operations.flatMap((operation) => [
    operation,
    ...operation.blocks.flatMap((block) => flattened(block.operations)),
  ])
}

/** Short spelling of a shape for messages. */
export function spellShape(shape: readonly (number | null)[] | undefined): string {
  return shape ? `[${shape.map((dim) => dim ?? '?').join(', ')}]` : 'no tensor'
}
