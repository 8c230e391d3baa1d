/** @throws {RangeError} unless `value` is a finite number at least `least` */
export function expectAtLeast(name: string, value: number, least: number): void {
  if (!(Number.isFinite(value) && value >= least))
    throw new RangeError(`Expected a number of at least ${least} for ${name}, got ${value}.`)
}

/** @throws {RangeError} unless `value` is in [0, 1) */
export function expectFraction(name: string, value: number): void {
  if (!(value >= 0 && value < 1)) throw new RangeError(`Expected a number in [0, 1) for ${name}, got ${value}.`)
}

/** @throws {RangeError} unless `value` is an integer at least `least` */
export function expectInteger(name: string, value: number, least: number): void {
  if (!(Number.isInteger(value) && value >= least))
    throw new RangeError(`Expected an integer of at least ${least} for ${name}, got ${value}.`)
}
