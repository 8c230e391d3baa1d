/** Milliseconds the native parts of a step took, as the training step reports them. */
export interface PartTimes {
  readonly deviceForward: number
  readonly deviceBackward: number
  readonly host: number
  readonly staging: number
}

/** Splits the wall time of one optimizer step; what no native part accounts for is JavaScript's share. */
export class StepClock {
  readonly #start = performance.now()
  #forward = 0
  #backward = 0
  #host = 0
  #staging = 0

  add(times: PartTimes): void {
    this.#forward += times.deviceForward
    this.#backward += times.deviceBackward
    this.#host += times.host
    this.#staging += times.staging
  }

  stop() {
    const total = performance.now() - this.#start
    const native = this.#forward + this.#backward + this.#host + this.#staging
    return {
      'perf/step_ms': total,
      'perf/device_forward_ms': this.#forward,
      'perf/device_backward_ms': this.#backward,
      'perf/host_ms': this.#host,
      'perf/staging_ms': this.#staging,
      'perf/javascript_ms': Math.max(0, total - native),
    }
  }
}
