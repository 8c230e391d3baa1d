import type { StepTimes } from '@ane/models'

/** Splits the wall time of one optimizer step; what no native part accounts for is JavaScript's share. */
export class StepClock {
  readonly #start = performance.now()
  #forward = 0
  #backward = 0
  #host = 0
  #staging = 0

  add(times: StepTimes): void {
    this.#forward += times.device_forward
    this.#backward += times.device_backward
    this.#host += times.host
    this.#staging += times.staging
  }

  /** Native work outside forward and backward: gradient norm and update. */
  addHost(ms: number): void {
    this.#host += ms
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
