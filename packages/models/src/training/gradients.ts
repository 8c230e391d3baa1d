import type { View } from '@ane/runtime'
import { elementCount, matrixView, type Weights } from '../weights.js'

/**
 * Sums of the gradients of one optimizer step, fp32, by weight.
 *
 * Clearing them writes nothing: the first backward pass of a step overwrites what it computes whole instead of adding to
 * zeros. Gradients of which passes compute only some rows are kept at zero between steps.
 */
export class Gradients {
  readonly #arrays: Weights
  readonly #partial = new Set<string>()
  /** Whether the arrays stand for zeros, whatever they hold. */
  #cleared = true

  constructor(private readonly shapes: ReadonlyMap<string, readonly number[]>) {
    this.#arrays = new Map([...shapes].map(([name, shape]) => [name, new Float32Array(elementCount(shape))]))
  }

  /** The sums. Arrays taken before the gradients were last cleared may hold older numbers. */
  get values(): Weights {
    this.materialize()
    return this.#arrays
  }

  /** Writes the zeros that cleared gradients stand for. */
  materialize(): void {
    if (this.#cleared) for (const gradient of this.#arrays.values()) gradient.fill(0)
    this.#cleared = false
  }

  get cleared(): boolean {
    return this.#cleared
  }

  /** Forgets the sums; `partialAreZero` if an update has zeroed those of `isPartial`. */
  clear({ partialAreZero = false } = {}): void {
    if (!partialAreZero) for (const name of this.#partial) this.#arrays.get(name)!.fill(0)
    this.#cleared = true
  }

  /** Whether passes leave rows of the gradient alone, so that an update has to zero it. Known once a pass is recorded. */
  isPartial(name: string): boolean {
    return this.#partial.has(name)
  }

  /** Announces a backward pass; returns whether it has to be one that overwrites. */
  begin(): boolean {
    const overwrites = this.#cleared
    this.#cleared = false
    return overwrites
  }

  /** The gradient in the shape of its weight. */
  view(name: string): View {
    return matrixView(this.#arrays.get(name)!, this.shapes.get(name)!)
  }

  /** Records one backward pass by way of `write`. */
  recordPass(overwrites: boolean, write: (pass: GradientPass) => void): void {
    const pass = new GradientPass(this, overwrites, this.#partial)
    write(pass)
    pass.end(this.shapes.keys())
  }
}

/** Where the entries of one backward pass put gradients. */
export class GradientPass {
  readonly #written = new Set<string>()

  constructor(
    private readonly gradients: Gradients,
    private readonly overwrites: boolean,
    private readonly partial: Set<string>,
  ) {}

  /** Where an entry puts a gradient it computes whole, and whether it adds it to what is there. */
  whole(name: string): { readonly gradient: View; readonly accumulate: 0 | 1 } {
    const accumulate = this.overwrites && !this.#written.has(name) ? 0 : 1
    this.#written.add(name)
    return { gradient: this.gradients.view(name), accumulate }
  }

  /** Where an entry adds rows of a gradient. */
  rows(name: string): View {
    if (!this.#written.has(name)) this.partial.add(name)
    this.#written.add(name)
    return this.gradients.view(name)
  }

  /** Weights that no entry has a gradient for keep zeros. */
  end(names: Iterable<string>): void {
    for (const name of names) if (!this.#written.has(name)) this.partial.add(name)
  }
}
