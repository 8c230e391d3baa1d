import { UsageError } from '../exit.js'

/** Reads a whole number of at least `least` from a flag. @throws {UsageError} otherwise */
export function integerFlag(flag: string, text: string, least: number): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (!(Number.isSafeInteger(value) && value >= least))
    throw new UsageError(`Expected a whole number of at least ${least} for ${flag}, got ${text}.`)
  return value
}

/** Reads a number in [least, most] from a flag. @throws {UsageError} otherwise */
export function numberFlag(flag: string, text: string, least: number, most = Number.MAX_VALUE): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (!(value >= least && value <= most))
    throw new UsageError(
      `Expected a number ${most === Number.MAX_VALUE ? `of at least ${least}` : `from ${least} to ${most}`} for ${flag}, got ${text}.`,
    )
  return value
}

/** Reads one of the words from a flag. @throws {UsageError} otherwise */
export function wordFlag<const T extends string>(flag: string, text: string, words: readonly T[]): T {
  if (!(words as readonly string[]).includes(text))
    throw new UsageError(`Expected ${words.join(' or ')} for ${flag}, got ${text}.`)
  return text as T
}
