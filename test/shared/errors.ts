/** Distances between computed and expected numbers. Every one is NaN or infinite where an unexpected NaN turns up. */

type Numbers = ArrayLike<number | bigint>

/** ‖actual − expected‖ / ‖expected‖; 0 for equal vectors, infinite for vectors of different lengths. */
export function relativeL2(actual: Numbers, expected: Numbers): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY
  let [difference, size] = [0, 0]
  for (let i = 0; i < expected.length; i++) {
    difference += (Number(actual[i]) - Number(expected[i])) ** 2
    size += Number(expected[i]) ** 2
  }
  return difference === 0 ? 0 : Math.sqrt(difference / size)
}

/** The cosine of the angle between two vectors; 1 when both are zero. */
export function cosine(actual: Numbers, expected: Numbers): number {
  let [product, ours, theirs] = [0, 0, 0]
  for (let i = 0; i < expected.length; i++) {
    product += Number(actual[i]) * Number(expected[i])
    ours += Number(actual[i]) ** 2
    theirs += Number(expected[i]) ** 2
  }
  return ours === 0 && theirs === 0 ? 1 : product / Math.sqrt(ours * theirs)
}

/** max |actual − expected|; infinite for vectors of different lengths. */
export function largestError(actual: Numbers, expected: Numbers): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY
  let largest = 0
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(Number(actual[i]) - Number(expected[i])))
  }
  return largest
}

/** Root mean square of actual − expected. */
export function rmsError(actual: Numbers, expected: Numbers): number {
  let total = 0
  for (let i = 0; i < expected.length; i++) total += (Number(actual[i]) - Number(expected[i])) ** 2
  return Math.sqrt(total / expected.length)
}

/** Largest |expected| over the root mean square error, in dB. */
export function psnr(actual: Numbers, expected: Numbers): number {
  let peak = 0
  for (let i = 0; i < expected.length; i++) peak = Math.max(peak, Math.abs(Number(expected[i])))
  return 20 * Math.log10(peak / rmsError(actual, expected))
}

/** Distance between fp16 neighbours at `x`. */
const spacing = (x: number) => Math.max(2 ** -24, 2 ** (Math.floor(Math.log2(Math.abs(x) || 2 ** -24)) - 10))

/**
 * By how much the worst element exceeds `ulp` units in the last fp16 place of `exact` plus `atol` and its `slack`; 0 or
 * less is good. What fp16 cannot hold has to be the infinity of its sign.
 */
export function worstExcess(
  actual: Numbers,
  exact: Numbers,
  { ulp, atol }: { ulp: number; atol: number },
  slack?: ArrayLike<number>,
): number {
  let worst = Number.NEGATIVE_INFINITY
  for (let i = 0; i < exact.length; i++) {
    const [y, want] = [Number(actual[i]), Number(exact[i])]
    if (Number.isNaN(want) || Math.abs(want) >= 65520) {
      const limit = Number.isNaN(want) ? Number.NaN : want > 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
      if (!Object.is(y, limit)) return Number.POSITIVE_INFINITY
    } else {
      const excess = Math.abs(y - want) - (ulp * spacing(want) + atol + (slack?.[i] ?? 0))
      if (Number.isNaN(excess)) return Number.POSITIVE_INFINITY
      worst = Math.max(worst, excess)
    }
  }
  return worst
}
