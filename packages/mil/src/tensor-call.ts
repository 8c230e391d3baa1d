/** Operations as their rows see them while a program runs: with the elements of every operand. */

import type { TensorType } from './ir.js'
import { BaseCall } from './ops/call.js'
import { type EvalCall, OpError, type OpRow } from './ops/row.js'
import type { Tensor } from './tensor.js'

/** What a value of a running program is: numbers, or the text of a string constant. */
export type Datum = Tensor | { readonly text: string }

/** Operands of one operation while the program runs. */
export class TensorCall extends BaseCall implements EvalCall {
  readonly round: boolean
  results: TensorType[] = []
  readonly #operands: ReadonlyMap<string, readonly Datum[]>

  constructor(row: OpRow, operands: ReadonlyMap<string, readonly Datum[]>, round: boolean) {
    super(row)
    this.#operands = operands
    this.round = round
  }

  has(name: string): boolean {
    return this.#operands.has(name)
  }

  type(name: string): TensorType {
    const [datum] = this.#get(name)
    return 'text' in datum ? { kind: 'tensor', dtype: 'string', shape: [] } : typeOf(datum)
  }

  types(name: string): readonly TensorType[] {
    return this.tensors(name).map(typeOf)
  }

  tensor(name: string): Tensor {
    return this.tensors(name)[0]
  }

  tensors(name: string): readonly Tensor[] {
    return this.#get(name).map((datum) => {
      if ('text' in datum) throw new OpError(`Expected a tensor for ${name}, got "${datum.text}".`)
      return datum
    })
  }

  protected given(name: string): readonly number[] | undefined {
    const [datum] = this.#get(name)
    return 'text' in datum ? undefined : Array.from(datum.data as ArrayLike<number | bigint>, Number)
  }

  protected givenText(name: string): string | undefined {
    const [datum] = this.#get(name)
    return 'text' in datum ? datum.text : undefined
  }

  #get(name: string): readonly Datum[] {
    const data = this.#operands.get(name)
    if (!data?.length) throw new OpError(`Expected a value for ${name}, got none.`)
    return data
  }
}

function typeOf({ dtype, shape }: Tensor): TensorType {
  return { kind: 'tensor', dtype, shape }
}
