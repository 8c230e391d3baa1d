import { type Schedule, type View, view } from '@ane/runtime'
import { elementCount, matrixView, type Weights } from '../weights.js'
import { zeros } from './zeros.js'

/**
 * Sums of the gradients of one optimizer step, fp32, by weight.
 *
 * Clearing them writes nothing: the first backward pass of a step overwrites what it computes whole instead of adding to
 * zeros. Gradients of which passes compute only some rows are kept at zero between steps.
 *
 * With every gradient come the squares of its rows. The first pass of a step has them summed while the rows are in a
 * cache, so that neither norm nor update read the gradient for them; passes that add leave that to the end of the step.
 */
export class Gradients {
  readonly #arrays: Weights
  /** For every row of a gradient the sum of its squared elements. */
  readonly #squares: ReadonlyMap<string, Float64Array>
  readonly #partial = new Set<string>()
  /** Whether the arrays stand for zeros, whatever they hold. */
  #cleared = true
  /** Whether others hold the arrays and may write to them at any time. */
  #shown = false
  /** Whether a pass has added to gradients without summing the squares. */
  #added = false

  constructor(private readonly shapes: ReadonlyMap<string, readonly number[]>) {
    this.#arrays = zeros(Float32Array, new Map([...shapes].map(([name, shape]) => [name, elementCount(shape)])))
    this.#squares = zeros(Float64Array, new Map([...shapes.keys()].map((name) => [name, this.view(name).rows])))
  }

  /** The sums. Arrays taken before the gradients were last cleared may hold older numbers. */
  get values(): Weights {
    this.materialize()
    this.#shown = true
    return this.#arrays
  }

  /** Whether the squares have to be summed anew, because the gradients have changed without them or may have. */
  get squaresAreOld(): boolean {
    return this.#shown || this.#added
  }

  /** Announces that all squares have been summed. */
  squaresAreNew(): void {
    this.#added = false
  }

  /** Writes the zeros that cleared gradients stand for. */
  materialize(): void {
    if (this.#cleared) for (const name of this.#arrays.keys()) this.#fill(name)
    this.#cleared = false
  }

  get cleared(): boolean {
    return this.#cleared
  }

  /** Forgets the sums; `partialAreZero` if an update has zeroed those of `isPartial`. */
  clear({ partialAreZero = false } = {}): void {
    if (!partialAreZero) for (const name of this.#partial) this.#fill(name)
    this.#cleared = true
    this.#shown = false
    this.#added = false
  }

  #fill(name: string): void {
    for (const array of [this.#arrays.get(name)!, this.#squares.get(name)!]) array.fill(0)
  }

  /** Whether passes leave rows of the gradient alone, so that an update has to zero it. Known once a pass is recorded. */
  isPartial(name: string): boolean {
    return this.#partial.has(name)
  }

  /** Announces a backward pass; returns whether it has to be one that overwrites. */
  begin(): boolean {
    const overwrites = this.#cleared
    this.#cleared = false
    this.#added = !overwrites
    return overwrites
  }

  /** The gradient in the shape of its weight. */
  view(name: string): View {
    return matrixView(this.#arrays.get(name)!, this.shapes.get(name)!)
  }

  /** The squares that come with the gradient, `[1, out]`. */
  squares(name: string): View {
    const squares = this.#squares.get(name)!
    return view(squares, { rows: 1, cols: squares.length })
  }

  /** Records summing the squares of the gradient's rows, or of those in `ids` [1, N]; goes right after what wrote them. */
  recordSquares(schedule: Schedule, name: string, ids?: View): void {
    const operands = { in: this.view(name), squares: this.squares(name), ...(ids && { ids }) }
    schedule.kernel('row_squares', operands, { label: `${name} squares`, group: 'host' })
  }

  /** Records summing the squares of every gradient. */
  recordAllSquares(schedule: Schedule): void {
    for (const name of this.shapes.keys()) this.recordSquares(schedule, name)
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

  /** Where an entry that can sums the squares of a gradient itself. */
  squares(name: string): View | undefined {
    return this.overwrites ? this.gradients.squares(name) : undefined
  }

  /** Has the squares of what the entry before wrote summed: all rows of a gradient, or those in `ids` [1, N]. */
  recordSquares(schedule: Schedule, name: string, ids?: View): void {
    if (this.overwrites) this.gradients.recordSquares(schedule, name, ids)
  }

  /** Weights that no entry has a gradient for keep zeros. */
  end(names: Iterable<string>): void {
    for (const name of names) if (!this.#written.has(name)) this.partial.add(name)
  }
}
