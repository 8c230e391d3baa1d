import { expectAtLeast, expectFraction, expectInteger } from './expect.js'

/** One tensor the optimizer updates; all arrays have the same length and stay owned by the caller. */
export interface Parameter {
  readonly name: string
  readonly value: Float32Array
  readonly gradient: Float32Array
  /** First moment, zero at the start. */
  readonly m: Float32Array
  /** Second moment, zero at the start. */
  readonly v: Float32Array
  /** Whether weight decay applies: true for matrices and embeddings, false for norm weights. */
  readonly decay: boolean
}

export interface AdamWOptions {
  /** Default 0.9. */
  beta1?: number
  /** Default 0.95. */
  beta2?: number
  /** Default 1e-8. */
  epsilon?: number
  /** Default 0.1. */
  weightDecay?: number
  /** Replaces the plain TypeScript arithmetic, e.g. by native code; may be asynchronous. */
  kernel?: AdamWKernel
}

/** The numbers of one update. */
export interface AdamWHyperparameters {
  readonly learningRate: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
  /** 1 − beta1^t. */
  readonly bias1: number
  /** 1 − beta2^t. */
  readonly bias2: number
  /** Multiplies every gradient first: clip factor / (loss scale · accumulation steps). */
  readonly gradientScale: number
}

/** Applies one update to all parameters. */
export type AdamWKernel = (
  parameters: readonly Parameter[],
  hyperparameters: AdamWHyperparameters,
) => void | Promise<void>

/**
 * Updates one tensor: `m = β1·m + (1−β1)·g`, `v = β2·v + (1−β2)·g²`,
 * `p = p·(1 − lr·wd) − lr·(m/bias1) / (√(v/bias2) + ε)`, with g already multiplied by the gradient scale.
 *
 * Arithmetic in double precision, each stored number rounded to fp32 once.
 */
export function adamwUpdate(parameter: Parameter, hyperparameters: AdamWHyperparameters): void {
  const { learningRate, beta1, beta2, epsilon, bias1, bias2, gradientScale } = hyperparameters
  const { value, gradient, m, v } = parameter
  const keep = 1 - learningRate * (parameter.decay ? hyperparameters.weightDecay : 0)
  for (let i = 0; i < value.length; i++) {
    const g = gradient[i] * gradientScale
    m[i] = beta1 * m[i] + (1 - beta1) * g
    v[i] = beta2 * v[i] + (1 - beta2) * g * g
    value[i] = value[i] * keep - (learningRate * (m[i] / bias1)) / (Math.sqrt(v[i] / bias2) + epsilon)
  }
}

/**
 * AdamW with decoupled weight decay.
 *
 * @see Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101
 */
export class AdamW {
  /** Updates done so far. */
  steps = 0
  readonly #parameters: readonly Parameter[]
  readonly #options: Required<AdamWOptions>

  /** @throws {RangeError} if a hyper-parameter is out of range or the arrays of a parameter differ in length */
  constructor(parameters: readonly Parameter[], options: AdamWOptions = {}) {
    const { beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weightDecay = 0.1 } = options
    expectFraction('beta1', beta1)
    expectFraction('beta2', beta2)
    expectAtLeast('epsilon', epsilon, 0)
    expectAtLeast('weightDecay', weightDecay, 0)
    for (const { name, value, gradient, m, v } of parameters)
      for (const [which, array] of Object.entries({ gradient, m, v }))
        if (array.length !== value.length)
          throw new RangeError(`Expected ${value.length} elements for ${which} of ${name}, got ${array.length}.`)
    const kernel: AdamWKernel = (all, hyperparameters) => {
      for (const parameter of all) adamwUpdate(parameter, hyperparameters)
    }
    this.#parameters = parameters
    this.#options = { beta1, beta2, epsilon, weightDecay, kernel: options.kernel ?? kernel }
  }

  /**
   * Does one update with the gradients as they stand.
   *
   * @throws {RangeError} if the learning rate is negative or the gradient scale is not finite
   */
  async step(learningRate: number, gradientScale = 1): Promise<void> {
    expectAtLeast('learningRate', learningRate, 0)
    if (!Number.isFinite(gradientScale))
      throw new RangeError(`Expected a finite number for gradientScale, got ${gradientScale}. Skip the step instead.`)
    const { beta1, beta2, epsilon, weightDecay, kernel } = this.#options
    const t = this.steps + 1
    await kernel(this.#parameters, {
      learningRate,
      beta1,
      beta2,
      epsilon,
      weightDecay,
      bias1: 1 - beta1 ** t,
      bias2: 1 - beta2 ** t,
      gradientScale,
    })
    this.steps = t
  }

  /** Sets the number of updates done, when moments come from a checkpoint. @throws {RangeError} if not a whole number */
  resume(steps: number): void {
    expectInteger('steps', steps, 0)
    this.steps = steps
  }
}

/** A parameter with zeroed gradient and moments. */
export function parameter(name: string, value: Float32Array, options: { decay: boolean }): Parameter {
  const zeros = () => new Float32Array(value.length)
  return { name, value, gradient: zeros(), m: zeros(), v: zeros(), decay: options.decay }
}
