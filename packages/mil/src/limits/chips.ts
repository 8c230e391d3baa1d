/** The chips limits are known for. */

/** Chips of one generation share a Neural Engine; reports about one of them are taken to hold for its family. */
export type ChipFamily = 'm1' | 'm2' | 'm3' | 'm4' | 'm5'

/** One chip. */
export interface Chip {
  /** As `--target` takes it. */
  readonly name: string
  readonly family: ChipFamily
  /** The Apple A-series generation of its Neural Engine. */
  readonly generation: 'A14' | 'A15' | 'A16' | 'A17' | 'A18' | 'A19'
  /** The macOS most reports about the family come from. */
  readonly os: string
}

/** What a program is meant for. */
export interface Target {
  /** A chip name, e.g. `m4` or `m1-pro`. */
  readonly chip: string
  /** macOS version, e.g. `26.2`; the chip's own default unless given. */
  readonly os?: string
}

/** A target whose chip and version are known. */
export interface ResolvedTarget {
  readonly chip: Chip
  readonly os: string
}

/** Oldest first. */
export const chipFamilies: readonly ChipFamily[] = ['m1', 'm2', 'm3', 'm4', 'm5']

const GENERATIONS: Record<ChipFamily, Chip['generation']> = { m1: 'A14', m2: 'A15', m3: 'A16', m4: 'A18', m5: 'A19' }
const DEFAULT_OS: Record<ChipFamily, string> = { m1: '26.2', m2: '26.2', m3: '26.3', m4: '26.2', m5: '26.3' }
const VARIANTS: Record<ChipFamily, readonly string[]> = {
  m1: ['', '-pro', '-max', '-ultra'],
  m2: ['', '-pro', '-max', '-ultra'],
  m3: ['', '-pro', '-max', '-ultra'],
  m4: ['', '-pro', '-max'],
  m5: ['', '-pro', '-max'],
}

/** Every chip, oldest first; the plain name of a family comes before its variants. */
export const chips: readonly Chip[] = chipFamilies.flatMap((family) =>
  VARIANTS[family].map(
    (variant): Chip => ({
      name: `${family}${variant}`,
      family,
      generation: GENERATIONS[family],
      os: DEFAULT_OS[family],
    }),
  ),
)

/**
 * Finds the chip and the version of a target.
 *
 * @throws {RangeError} if the chip is unknown or the version is no macOS version such as `26.2`
 */
export function resolveTarget(target: Target): ResolvedTarget {
  const name = target.chip.toLowerCase()
  const chip = chips.find((known) => known.name === name)
  if (!chip) {
    throw new RangeError(`Expected one of ${chips.map((known) => known.name).join(', ')} for chip, got ${target.chip}.`)
  }
  const os = target.os ?? chip.os
  if (!/^\d{2}(\.\d+){0,2}$/.test(os)) throw new RangeError(`Expected a macOS version such as 26.2 for os, got ${os}.`)
  return { chip, os }
}

/** Negative, zero or positive as macOS version `a` is older than, equal to or newer than `b`; missing parts are 0. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number))
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
