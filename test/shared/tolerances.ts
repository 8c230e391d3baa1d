/**
 * How far results may lie from golden ones, in either math mode. Those of `exact` are stated beside the goldens.
 *
 * `fast` multiplies in bf16 where the processor has dot products of it. bf16 has 8 bits of significand where fp16 has
 * 11: a factor is off by up to 2^-8 of itself, and rounding costs 8 times what it costs fp16. The errors of a sum's terms
 * are independent, so the sum is off by about the root of the sum of their squares. What `fast` is allowed is about
 * twice the largest error measured with AVX512_BF16, which stands beside it; processors without bf16 meet the same.
 */
import type { MathMode } from '@ane/runtime'

export type { MathMode }

/** Both modes, to run a test in each. */
export const mathModes: readonly MathMode[] = ['exact', 'fast']

/** In what numbers a model is held. */
type ModelDtype = 'fp16' | 'fp32'

/** Tolerances of `exact` depend on what numbers are held in, those of `fast` on what they are multiplied in. */
interface ByMode<Tolerance> {
  readonly exact: Readonly<Record<ModelDtype, Tolerance>>
  readonly fast: Tolerance
}

/** The tolerance of a mode and type. */
export const toleranceOf = <Tolerance>(by: ByMode<Tolerance>, math: MathMode, dtype: ModelDtype): Tolerance =>
  math === 'fast' ? by.fast : by.exact[dtype]

/** What rounding to bf16 costs, in roundings to fp16: 3 bits of significand. */
const ROUNDOFFS = 2 ** 3

/** Of a single operation in `fast`, on top of what `exact` is allowed; operations without products are allowed nothing. */
export const fastOperation = {
  /** Times the root of the sum of squares of an element's terms. Measured 2.33 · 2^-8 (conv, K = 172). */
  element: 5 * 2 ** -8,
  /** ‖error‖ / ‖result‖. Measured 0.0033 (scaled_dot_product_attention). */
  relativeL2: 2 ** -7,
}

/**
 * Of a whole program: decibels by which the lowest signal-to-noise ratio is lowered, 6.02 for each bit of significand.
 * Measured 15.3, of 8-bit activations whose levels flip.
 */
export const lostDecibels = { exact: 0, fast: 20 * Math.log10(ROUNDOFFS) }

/** The largest error of a program's output, in root mean squares that its signal-to-noise ratio allows. Measured 4.8. */
export const LARGEST_PER_RMS = 10

/** Of the host's classifier_loss on unit goldens: loss and gradient, relative. Measured 8.6e-4 and 0.0158. */
export const classifierLoss = {
  exact: { loss: 1e-6, gradient: 1e-6 },
  fast: { loss: 2e-3, gradient: 0.032 },
}

/** Of logits, largest difference. */
export const logitsTolerances = {
  exact: {
    fp32: { stories260K: 1e-4, 'random-untied': 1e-4, huggingFace: 2e-5 },
    fp16: { stories260K: 0.15, 'random-untied': 0.02, huggingFace: 1e-2 },
  },
  /** Measured 0.33, 0.044, 0.0116. */
  fast: { stories260K: 0.7, 'random-untied': 0.09, huggingFace: 0.025 },
}

/** Allowed errors of a whole model that trains. */
export interface TrainingTolerance {
  /** Of the first step and of later ones or evaluations, absolute. */
  readonly loss: number
  readonly evaluation: number
  readonly logits: number
  /** ‖error‖ / ‖gradient‖ of one weight. */
  gradient(weight: string): number
  /** 1 − cosine between the gradient of one weight and the golden one. */
  readonly angle: number
  /** Of the norm of all gradients, relative. */
  readonly norm: number
  /** ‖error‖ / ‖change‖ of one weight over all steps. */
  readonly update: number
}

/** Errors that a step with every result rounded to fp16 had (golden/train). */
export interface EmulatedErrors {
  readonly loss_abs: number
  readonly eval_loss_abs: number
  readonly logits_max_abs: number
  readonly grad_norm_rel: number
  readonly grad_rel_l2: Readonly<Record<string, number>>
}

/** Of the tiny models of golden/train: what rounding to fp16 was seen to cost there, four times. */
export function trainingTolerance(math: MathMode, dtype: ModelDtype, seen: EmulatedErrors): TrainingTolerance {
  const times = (factor: number) => ({
    logits: factor * seen.logits_max_abs,
    gradient: (weight: string) => factor * seen.grad_rel_l2[weight],
    norm: factor * seen.grad_norm_rel,
  })
  if (math === 'fast') {
    // Measured in fp16 roundings: logits 10.5, gradients 11.0, their norm 5.2. Else 1.2e-3, 7.2e-3, 1.8e-3 and 0.149.
    return { ...times(2 * ROUNDOFFS), loss: 2.5e-3, evaluation: 0.015, angle: 4e-3, update: 0.3 }
  }
  if (dtype === 'fp16') {
    return { ...times(4), loss: 4 * seen.loss_abs, evaluation: 4 * seen.eval_loss_abs, angle: 1e-3, update: 0.4 }
  }
  const gradient = () => 5e-5
  return { loss: 1e-5, evaluation: 5e-5, logits: 1e-4, gradient, angle: 1e-8, norm: 1e-5, update: 5e-3 }
}

/** Of the full-size shapes of golden/procedural; norms and logits also relative. */
export const proceduralTolerances = {
  exact: {
    fp32: { loss: 1e-5, logits: 5e-5, relative: 1e-5, norm: 2e-5, tensorNorm: 1e-4, after: 1e-4 },
    fp16: { loss: 2e-3, logits: 0.02, relative: 0.01, norm: 5e-3, tensorNorm: 0.01, after: 0.01 },
  },
  /** Measured 2.2e-3, 0.0132, 0.0121, 2.4e-3, 6.9e-3, 1.8e-3. */
  fast: { loss: 5e-3, logits: 0.03, relative: 0.025, norm: 5e-3, tensorNorm: 0.015, after: 0.01 },
}

/** Of loss curves: each of the first 20 steps, every step, the mean of the last 20, validation. */
export interface CurveTolerance {
  readonly first20: number
  readonly all: number
  readonly last20: number
  readonly validation: number
}

/** From scratch (training amplifies rounding) and fine-tuning. */
export const curveTolerances: Readonly<Record<'scratch' | 'finetune', ByMode<CurveTolerance>>> = {
  scratch: {
    exact: {
      fp32: { first20: 5e-4, all: 0.01, last20: 3e-3, validation: 0.01 },
      fp16: { first20: 0.05, all: 0.15, last20: 0.05, validation: 0.05 },
    },
    /** Of the mean of three runs. Measured 0.035, 0.043, 0.0136, 0.028; single runs 0.084, 0.129, 0.0142, 0.063. */
    fast: { first20: 0.1, all: 0.15, last20: 0.04, validation: 0.06 },
  },
  finetune: {
    exact: {
      fp32: { first20: 1e-4, all: 1e-4, last20: 1e-4, validation: 1e-4 },
      fp16: { first20: 5e-3, all: 5e-3, last20: 5e-3, validation: 5e-3 },
    },
    /** Measured 2.1e-3, 2.1e-3, 2.2e-4, 7.8e-4. */
    fast: { first20: 5e-3, all: 5e-3, last20: 5e-3, validation: 5e-3 },
  },
}
