/** The backward program while it grows: forward values computed again on demand, from inputs and taps. */

import { type Builder, createBuilder } from './builder.js'
import type { Function as Func, Literal, Operand, Operation, Program, TensorType, Value } from './ir.js'
import { mapUses, producersOf, usesOf, valuesByName } from './value-graph.js'

/** A builder for the backward program that knows the forward one. */
export class BackwardGraph {
  readonly b: Builder
  readonly forwardConstants: ReadonlyMap<Value, Literal>
  readonly #taps: ReadonlySet<Value>
  readonly #producers: Map<Value, Operation>
  readonly #known = new Map<Value, Value>()

  constructor(program: Program, func: Func, constants: ReadonlyMap<Value, Literal>, taps: readonly Value[]) {
    this.b = createBuilder({ version: program.version, opset: func.opset, name: func.name, inline: true })
    // Values computed again keep their names, so nothing else may take them.
    this.b.reserve(valuesByName(func).keys())
    this.forwardConstants = constants
    this.#taps = new Set(taps)
    this.#producers = producersOf(func)
  }

  /** A forward value in the backward program: an input, a tap, or computed again. */
  value(forward: Value): Value {
    const pending = [forward]
    while (pending.length > 0) {
      const wanted = pending.at(-1)!
      const producer = this.#taps.has(wanted) ? undefined : this.#producers.get(wanted)
      const missing =
        this.#known.has(wanted) || !producer ? [] : usesOf(producer).filter((use) => !this.#known.has(use))
      if (missing.length > 0) {
        pending.push(...missing)
        continue
      }
      pending.pop()
      if (!this.#known.has(wanted)) this.#make(wanted, producer)
    }
    return this.#known.get(forward)!
  }

  /** An operand with one value in the backward program. */
  operand(operand: Operand): Value {
    if (operand.kind === 'literal') return this.b.literal(operand.literal)
    if (operand.kind === 'list') throw new TypeError('Expected one value for operand, got a list.')
    return this.value(operand.value)
  }

  #make(forward: Value, producer: Operation | undefined): void {
    if (!producer) {
      const { dtype, shape } = forward.type as TensorType
      this.#known.set(forward, this.b.reservedInput(forward.name, dtype, shape))
      return
    }
    // A tapped result keeps its name for the tap, so a sibling's recomputation must not produce it again.
    const results = producer.results.map(
      (value): Value => ({ name: this.#taps.has(value) ? this.b.takeName(value.name) : value.name, type: value.type }),
    )
    this.b.append({ ...mapUses(producer, (value) => this.#known.get(value)!), results })
    producer.results.forEach((value, i) => {
      if (!this.#taps.has(value)) this.#known.set(value, results[i])
    })
  }
}
