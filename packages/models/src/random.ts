/**
 * Seeded random numbers: xoshiro128** (Blackman and Vigna) whose four state words are successive outputs of splitmix32
 * started at `seed` mixed with `stream`. The same seed and stream give the same numbers on every platform.
 *
 * @see https://prng.di.unimi.it/xoshiro128starstar.c
 */
export class Random {
  #a: number
  #b: number
  #c: number
  #d: number

  /** @throws {RangeError} if `seed` or `stream` is not an integer from 0 to 2^53 − 1 */
  constructor(seed: number, stream = 0) {
    for (const [name, value] of Object.entries({ seed, stream })) {
      if (!Number.isSafeInteger(value) || value < 0) {
        throw new RangeError(`Expected an integer from 0 to 2^53 - 1 for ${name}, got ${value}.`)
      }
    }
    let state = 0
    for (const word of [seed, Math.floor(seed / 2 ** 32), stream, Math.floor(stream / 2 ** 32)]) {
      state = mix((state + (word >>> 0) + 0x9e3779b9) >>> 0)
    }
    const next = () => mix((state = (state + 0x9e3779b9) >>> 0))
    this.#a = next()
    this.#b = next()
    this.#c = next()
    this.#d = next() | 1
  }

  /** An unsigned 32-bit integer. */
  uint32(): number {
    const product = Math.imul(this.#b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9)
    const shifted = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= shifted
    this.#d = (this.#d << 11) | (this.#d >>> 21)
    return result >>> 0
  }

  /** A number in [0, 1) with 53 random bits. */
  uniform(): number {
    return ((this.uint32() >>> 5) * 67108864 + (this.uint32() >>> 6)) / 9007199254740992
  }

  /** Fills `out` with normal(0, `std`) numbers by the Box–Muller transform, rounded to fp32. */
  fillNormal(out: Float32Array, std: number): void {
    for (let i = 0; i < out.length; i += 2) {
      const radius = std * Math.sqrt(-2 * Math.log((this.uint32() + 1) / 4294967296))
      const angle = (2 * Math.PI * this.uint32()) / 4294967296
      out[i] = radius * Math.cos(angle)
      if (i + 1 < out.length) out[i + 1] = radius * Math.sin(angle)
    }
  }
}

function mix(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
