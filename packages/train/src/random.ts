/**
 * A small seeded generator of 32-bit numbers with one word of state, so that it can be saved and resumed.
 *
 * @see Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators" (the SplitMix mixing step, 32-bit)
 */
export class Random {
  /** @param state any integer; its low 32 bits are the seed or a saved state */
  constructor(public state: number) {
    this.state = state >>> 0
  }

  /** A whole number in [0, 2^32). */
  next(): number {
    this.state = (this.state + 0x9e3779b9) >>> 0
    let z = this.state
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }

  /** A whole number in [0, n); n up to 2^20 keeps the bias below one in four thousand. */
  below(n: number): number {
    return Math.floor((this.next() * n) / 2 ** 32)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]
  }
}
