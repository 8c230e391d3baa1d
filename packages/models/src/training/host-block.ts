/** The host's part of a half-block: norm before its program, residual addition after it, and their gradients. */
import { type Device, type Schedule, type View, view } from '@ane/runtime'
import type { ModelConfig } from '../config.js'
import { createStream } from '../device-programs.js'
import type { GraphOptions } from '../graph.js'
import { normName, type Segment } from '../segments.js'
import type { GradientPass } from './gradients.js'
import type { Parameters } from './parameters.js'

const host = (label: string) => ({ label, group: 'host' })

/** Buffers of one half-block: streams `[C, S]` in the programs' type. */
interface Buffers {
  /** Absent where the program norms. */
  readonly norm?: {
    readonly normed: View
    /** `[1, S]` fp32, kept from forward to backward. */
    readonly rrms: View
    /** Gradient through the norm, `[C, S]` fp32. */
    readonly gradient: View
  }
  /** Output of the half-block; absent where the program adds. */
  readonly sum?: View
  /** Gradient of the half-block's input. */
  readonly dx: View
}

/** What the host does of one half-block, as schedule entries. */
export class HostBlock {
  constructor(
    private readonly segment: Segment,
    private readonly eps: number,
    private readonly buffers: Buffers,
  ) {}

  /** What the program reads besides its input. */
  get activations(): { readonly normed?: View } {
    const { norm } = this.buffers
    return norm === undefined ? {} : { normed: norm.normed }
  }

  /** Records the norm of `x` [C, S], if it is the host's. */
  recordNorm(schedule: Schedule, parameters: Parameters, x: View): void {
    const { norm } = this.buffers
    if (norm === undefined) return
    const weight = parameters.viewOf(parameters.values, this.#normName)
    const operands = { in: x, weight, out: norm.normed, rrms: norm.rrms, eps: this.eps }
    schedule.kernel('rmsnorm', operands, host(`${this.segment.label} norm`))
  }

  /** Records the addition of the program's result `y` to `x`, if it is the host's; returns the half-block's output. */
  recordResidual(schedule: Schedule, x: View, y: View): View {
    const { sum } = this.buffers
    if (sum === undefined) return y
    schedule.kernel('add', { a: x, b: y, out: sum, scale: 1 }, host(`${this.segment.label} residual`))
    return sum
  }

  /** Records what the program leaves of the gradients of input `x` and norm; returns that of `x`. */
  recordBackward(
    schedule: Schedule,
    parameters: Parameters,
    gradients: GradientPass,
    x: View,
    dy: View,
    outputs: ReadonlyMap<string, View>,
  ): View {
    const { norm, sum, dx } = this.buffers
    let through = outputs.get('d_x')
    const around = sum === undefined && norm !== undefined ? (through ?? dy) : dy
    if (norm !== undefined) {
      const name = this.#normName
      const { gradient, accumulate } = gradients.whole(name)
      const operands = {
        in: x,
        weight: parameters.viewOf(parameters.values, name),
        rrms: norm.rrms,
        dout: outputs.get('d_normed')!,
        din: norm.gradient,
        dweight: gradient,
        accumulate,
      }
      schedule.kernel('rmsnorm_backward', operands, host(`${this.segment.label} norm gradient`))
      gradients.recordSquares(schedule, name)
      through = norm.gradient
    }
    const operands = { a: around, b: through!, out: dx, scale: 1 }
    schedule.kernel('add', operands, host(`${this.segment.label} residual gradient`))
    return dx
  }

  get #normName(): string {
    return normName(this.segment.parts[0])
  }
}

/** The host's part of every segment, undefined where it has none; the gradients of every other segment share memory. */
export function hostBlocks(
  device: Device,
  config: ModelConfig,
  segments: readonly Segment[],
  { batchSize, seqLen, dtype }: GraphOptions,
): (HostBlock | undefined)[] {
  const [rows, cols] = [config.hidden_size, batchSize * seqLen]
  const stream = (name: string) => createStream(device, { rows, cols }, dtype, name)
  if (segments.every(({ hostOps }) => hostOps.size === 0)) return segments.map(() => undefined)
  const gradients = [stream('host gradient 0'), stream('host gradient 1')]
  const gradient = view(new Float32Array(rows * cols), { rows, cols })
  return segments.map((segment, i) => {
    const { hostOps, label } = segment
    const rrms = () => view(new Float32Array(cols), { rows: 1, cols })
    return new HostBlock(segment, config.rms_norm_eps, {
      ...(hostOps.has('rmsnorm') && { norm: { normed: stream(`${label} norm`), rrms: rrms(), gradient } }),
      ...(hostOps.has('residual') && { sum: stream(`${label} sum`) }),
      dx: gradients[i % 2],
    })
  })
}
