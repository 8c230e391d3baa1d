/**
 * The L2 norm of all gradients together, accumulated in double precision; `NaN` or `Infinity` if a gradient is.
 */
export function globalNorm(gradients: Iterable<Float32Array>): number {
  let sum = 0
  for (const gradient of gradients) for (let i = 0; i < gradient.length; i++) sum += gradient[i] * gradient[i]
  return Math.sqrt(sum)
}

/**
 * The factor that brings a gradient of norm `norm` down to `maxNorm`: `min(1, maxNorm / (norm + 1e-6))`.
 *
 * A norm that is not finite gives `NaN`, so that using it without looking cannot go unnoticed.
 *
 * @throws {RangeError} if `maxNorm` is not positive
 * @see Pascanu et al. 2013, https://arxiv.org/abs/1211.5063
 */
export function clipFactor(norm: number, maxNorm: number): number {
  if (!(maxNorm > 0)) throw new RangeError(`Expected a positive number for maxNorm, got ${maxNorm}.`)
  return Number.isFinite(norm) ? Math.min(1, maxNorm / (norm + 1e-6)) : Number.NaN
}

/**
 * Scales gradients in place so that their global norm is at most `maxNorm`.
 *
 * Gradients are left untouched when the norm is not finite, so that the caller can skip the step.
 *
 * @returns the norm before clipping, possibly `NaN` or `Infinity`
 * @throws {RangeError} if `maxNorm` is not positive
 */
export function clipGradients(gradients: readonly Float32Array[], maxNorm: number): number {
  const norm = globalNorm(gradients)
  const factor = clipFactor(norm, maxNorm)
  if (factor < 1) for (const gradient of gradients) for (let i = 0; i < gradient.length; i++) gradient[i] *= factor
  return norm
}
