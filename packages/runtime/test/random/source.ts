/** Reproducible choices. */

/** A seeded source of numbers and choices (mulberry32). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e3779b1) >>> 0
  }

  /** A number in [0, 1). */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let word = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61)
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32
  }

  /** An integer in [from, below). */
  integer(from: number, below: number): number {
    return from + Math.floor(this.fraction() * (below - from))
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  of<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length)]
  }

  shuffled<T>(items: readonly T[]): T[] {
    const rest = [...items]
    return items.map(() => rest.splice(this.integer(0, rest.length), 1)[0])
  }
}
