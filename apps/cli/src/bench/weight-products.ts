/** The products of a training step that involve a weight matrix, recorded as its schedules record them. */
import { type ModelConfig, weightShapes } from '@ane/models'
import { channels, type Device, type Schedule, transposed, type View, view } from '@ane/runtime'

/** A weight matrix of the model and how many layers have one of this shape. */
export interface WeightShape {
  readonly out: number
  readonly in: number
  readonly count: number
  /** Whether it makes logits: on the host, from fp32 activations. */
  readonly classifier: boolean
}

/** `Y = W·X`, `dX = Wᵀ·dY`, `dW += dY·Xᵀ`. */
export const productKinds = ['forward', 'input gradient', 'weight gradient'] as const

export type ProductKind = (typeof productKinds)[number]

/** One kind of product of one shape, ready to be timed. */
export interface WeightProduct {
  readonly weight: WeightShape
  readonly kind: ProductKind
  /** Floating-point operations of one product; a multiply-add counts two. */
  readonly flops: number
  readonly schedule: Schedule
}

/** The distinct shapes of a model's weight matrices, the classifier last. */
export function matrixShapes(config: ModelConfig): WeightShape[] {
  const shapes = new Map<string, WeightShape>()
  for (const [name, shape] of weightShapes(config)) {
    if (shape.length !== 2 || !name.startsWith('model.layers.')) continue
    const [rows, cols] = shape
    const count = (shapes.get(`${shape}`)?.count ?? 0) + 1
    shapes.set(`${shape}`, { out: rows, in: cols, count, classifier: false })
  }
  return [...shapes.values(), { out: config.vocab_size, in: config.hidden_size, count: 1, classifier: true }]
}

/** Bytes of one kind of weights that no processor's caches keep from one round to the next. */
const COLD_BYTES = 2 ** 26

/**
 * Records the three products of a shape with `S` columns: W fp16 [out, in], X [in, S], Y [out, S], dW fp32 [out, in].
 * Layers work on fp16 surfaces; the classifier on fp32 arrays, logits [S, V] row-major. A schedule goes through as many
 * weights of the shape as a step does, or as many as keep them out of the caches.
 */
export function recordProducts(device: Device, weight: WeightShape, columns: number): WeightProduct[] {
  const { out, in: inputs, count, classifier } = weight
  const copies = Math.min(count, Math.ceil(COLD_BYTES / (2 * out * inputs)))
  const activations = (rows: number, columnMajor: boolean): View => {
    if (!classifier) {
      const surface = device.createSurface([1, rows, 1, columns], 'fp16')
      surface.write(noise(rows * columns))
      return channels(surface)
    }
    return columnMajor
      ? transposed(view(noise(rows * columns), { rows: columns, cols: rows }))
      : view(noise(rows * columns), { rows, cols: columns })
  }
  const [x, dx] = [activations(inputs, false), activations(inputs, false)]
  const [y, dy] = [activations(out, true), activations(out, true)]
  const values = noise(out * inputs)
  const schedules = productKinds.map(() => device.createSchedule())
  for (let copy = 0; copy < copies; copy++) {
    const surface = device.createSurface([1, out, 1, inputs], 'fp16')
    surface.write(values)
    const w = view(surface, { rows: out, cols: inputs })
    const dw = view(new Float32Array(out * inputs), { rows: out, cols: inputs })
    schedules[0].kernel('gemm', { a: w, b: x, out: y, accumulate: 0 })
    schedules[1].kernel('gemm', { a: transposed(w), b: dy, out: dx, accumulate: 0 })
    schedules[2].kernel('gemm', { a: dy, b: transposed(x), out: dw, accumulate: 1 })
  }
  const flops = 2 * out * inputs * columns
  return productKinds.map((kind, i) => ({ weight, kind, flops, schedule: schedules[i] }))
}

/** Milliseconds of one product, the mean over the weights the schedule goes through. */
export async function timeProduct({ schedule }: WeightProduct): Promise<number> {
  const { entries } = await schedule.execute()
  return entries.reduce((sum, ms) => sum + ms, 0) / entries.length
}

/** Values of about 0.05, the same on every run. */
export function noise(length: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(length)
  let state = 12345
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    values[i] = state * 2 ** -35
  }
  return values
}
