/** The names of one function's values: legal in the text and never used twice. */

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/

/** Words the text gives a meaning of its own. */
const RESERVED = new Set(
  (
    'program func tensor list dict tuple state string bool true false tensor_buffer const val name ' +
    'fp16 fp32 fp64 bf16 int4 int8 int16 int32 int64 uint1 uint2 uint3 uint4 uint6 uint8 uint16 uint32 uint64'
  ).split(' '),
)

/** Gives out unique names. */
export class NameScope {
  readonly #taken = new Set<string>()
  readonly #next = new Map<string, number>()

  /** Takes exactly `name`. @throws {RangeError} if it is taken or no legal identifier */
  claim(name: string): string {
    if (!IDENTIFIER.test(name) || RESERVED.has(name)) {
      throw new RangeError(`Expected letters, digits and _ that form no MIL keyword for name, got ${name}.`)
    }
    if (this.#taken.has(name)) throw new RangeError(`Expected a name used once for name, got ${name} again.`)
    this.#taken.add(name)
    return name
  }

  /** Takes the first free name among `stem`, `stem_1`, `stem_2`, …; illegal characters become `_`. */
  unique(stem: string): string {
    const name = this.preview(stem)
    this.#taken.add(name)
    return name
  }

  /** Returns what `unique(stem)` would take, without taking it. */
  preview(stem: string): string {
    const cleaned = stem.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=[0-9])|^$/, '_')
    if (!this.#taken.has(cleaned) && !RESERVED.has(cleaned)) return cleaned
    let count = this.#next.get(cleaned) ?? 1
    while (this.#taken.has(`${cleaned}_${count}`)) count++
    this.#next.set(cleaned, count)
    return `${cleaned}_${count}`
  }

  /** Gives a name back. */
  release(name: string): void {
    this.#taken.delete(name)
  }
}
