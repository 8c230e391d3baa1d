/** Which chip and macOS this Mac has, in the words of the limits. */
import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import { chipFamilies, chips, compareVersions, resolveTarget, type Target } from '@ane/mil'

/** This Mac; where the system does not tell its version, the one most reports about the chip come from. */
export function thisMac(): Required<Target> {
  return macTarget(cpus()[0]?.model ?? '', systemVersion())
}

/** The version of macOS, undefined elsewhere. */
function systemVersion(): string | undefined {
  try {
    // Not SystemVersion.plist, and no SYSTEM_VERSION_COMPAT: both can tell the number of another version.
    return execFileSync('/usr/bin/sw_vers', ['-productVersion'], { encoding: 'utf8', stdio: 'pipe', env: {} }).trim()
  } catch {
    return undefined
  }
}

/**
 * The target for a processor such as `Apple M4 Max`; a chip that limits are not known for counts as the newest known that
 * the system runs on.
 */
export function macTarget(processor: string, os: string | undefined): Required<Target> {
  const name = processor
    .toLowerCase()
    .replace(/^apple /, '')
    .replaceAll(' ', '-')
  const runs = (chip: string) => os === undefined || compareVersions(os, firstOs(chip)) >= 0
  const chip = chips.find((known) => known.name === name)?.name ?? chipFamilies.findLast(runs) ?? chipFamilies[0]
  return { chip, os: os ?? resolveTarget({ chip }).os }
}

const firstOs = (chip: string) => resolveTarget({ chip }).chip.firstOs
