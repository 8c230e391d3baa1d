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
  /** Major version of the macOS that the first Mac with the chip was sold with; no older one runs on it. */
  readonly firstOs: string
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
/** Variants of each family with the major version of macOS their first Mac was sold with. */
const VARIANTS: Record<ChipFamily, Readonly<Record<string, string>>> = {
  m1: { '': '11', '-pro': '12', '-max': '12', '-ultra': '12' },
  m2: { '': '12', '-pro': '13', '-max': '13', '-ultra': '13' },
  m3: { '': '13', '-pro': '13', '-max': '13', '-ultra': '15' },
  m4: { '': '15', '-pro': '15', '-max': '15' },
  m5: { '': '26', '-pro': '26', '-max': '26' },
}

/** Every chip, oldest first; the plain name of a family comes before its variants. */
export const chips: readonly Chip[] = chipFamilies.flatMap((family) =>
  Object.entries(VARIANTS[family]).map(
    ([variant, firstOs]): Chip => ({
      name: `${family}${variant}`,
      family,
      generation: GENERATIONS[family],
      os: DEFAULT_OS[family],
      firstOs,
    }),
  ),
)

/**
 * Finds the chip and the version of a target.
 *
 * @throws {RangeError} if the chip is unknown or the version is no macOS version such as `26.2`, or older than the chip
 */
export function resolveTarget(target: Target): ResolvedTarget {
  const name = target.chip.toLowerCase()
  const chip = chips.find((known) => known.name === name)
  if (!chip) {
    throw new RangeError(`Expected one of ${chips.map((known) => known.name).join(', ')} for chip, got ${target.chip}.`)
  }
  const os = target.os ?? chip.os
  if (!/^\d{2}(\.\d+){0,2}$/.test(os)) throw new RangeError(`Expected a macOS version such as 26.2 for os, got ${os}.`)
  if (compareVersions(os, chip.firstOs) < 0)
    throw new RangeError(`Expected macOS ${chip.firstOs} or newer for os of ${chip.name}, got ${os}.`)
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
