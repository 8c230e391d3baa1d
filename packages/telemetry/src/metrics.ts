/** Exponential moving average that starts unbiased: after n values the weights sum to one. */
export class MovingAverage {
  #sum = 0
  #weight = 0

  /** @param decay share of the old average that stays, in [0, 1) @throws {RangeError} if outside */
  constructor(readonly decay = 0.9) {
    if (!(decay >= 0 && decay < 1)) throw new RangeError(`Expected a number in [0, 1) for decay, got ${decay}.`)
  }

  /** Adds a value and returns the average; values that are not finite are left out of it. */
  add(value: number): number {
    if (Number.isFinite(value)) {
      this.#sum = this.decay * this.#sum + (1 - this.decay) * value
      this.#weight = this.decay * this.#weight + (1 - this.decay)
    }
    return this.value
  }

  /** `NaN` before the first value. */
  get value(): number {
    return this.#weight === 0 ? Number.NaN : this.#sum / this.#weight
  }

  state(): { sum: number; weight: number } {
    return { sum: this.#sum, weight: this.#weight }
  }

  load(state: { sum: number; weight: number }): void {
    this.#sum = state.sum
    this.#weight = state.weight
  }
}

/** Time left for `stepsLeft` steps at the recent pace; the first `ignored` steps (warm-up) do not count. */
export class StepTimer {
  readonly #average: MovingAverage
  #seen = 0

  constructor(readonly ignored = 2) {
    this.#average = new MovingAverage(0.95)
  }

  /** @param ms wall time of one step */
  add(ms: number): void {
    if (++this.#seen > this.ignored || Number.isNaN(this.#average.value)) this.#average.add(ms)
  }

  /** Milliseconds, or `NaN` before the first step. */
  remaining(stepsLeft: number): number {
    return this.#average.value * stepsLeft
  }
}

/** e.g. `3:07` or `2:15:00`; `?` when not known. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return '?'
  const seconds = Math.round(ms / 1000)
  const two = (n: number) => String(n).padStart(2, '0')
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** A count with a unit letter and three digits, e.g. `15.2M`, `1.05G`; decimal powers. */
export function formatCount(n: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P']
  let unit = 0
  let value = n
  while (Math.abs(value) >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  const digits =
    unit === 0 && Number.isInteger(value) ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)))
  return `${value.toFixed(Math.min(2, digits))}${units[unit]}`
}

/** Bytes in binary units, e.g. `1.75 GiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let unit = 0
  let value = bytes
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${units[unit]}`
}
