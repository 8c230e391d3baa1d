/** Numbers for tests: seeded, reproducible, exactly representable in fp16. */
import { decodeFp16, encodeFp16 } from '@ane/mil'

/** A seeded source of numbers in [-1, 1). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  }
}

/** `count` numbers times `scale`, rounded to fp16 so that every storage type holds them exactly. */
export function numbers(count: number, seed: number, scale = 1): Float32Array {
  const next = seeded(seed)
  return decodeFp16(encodeFp16(Float32Array.from({ length: count }, () => next() * scale)))
}

/** Largest |a − b| over the larger of 1 and the largest |b|; NaN only where both are NaN, infinities equal. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY
  let largest = 1
  let difference = 0
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(actual[i], expected[i]) || actual[i] === expected[i]) continue
    if (!Number.isFinite(actual[i]) || !Number.isFinite(expected[i])) return Number.POSITIVE_INFINITY
    difference = Math.max(difference, Math.abs(actual[i] - expected[i]))
  }
  for (let i = 0; i < expected.length; i++) {
    if (Number.isFinite(expected[i])) largest = Math.max(largest, Math.abs(expected[i]))
  }
  return difference / largest
}
