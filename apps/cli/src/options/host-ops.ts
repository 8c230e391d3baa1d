import { type HostOp, hostOpNames } from '@ane/models'
import { UsageError } from '../exit.js'

/** What the host does in every pipeline: naming it is allowed and changes nothing. */
const alwaysOnHost: readonly string[] = ['embedding', 'final-norm', 'classifier', 'softmax']

/** `--no-ane-extras`: what hand-written systems keep on the host when they switch their extra programs off. */
export const withoutExtras: readonly HostOp[] = hostOpNames

/**
 * Reads a comma-separated list of operations for the host; `none` for the fewest.
 *
 * @throws {UsageError} naming the first that is unknown
 */
export function hostOpsFlag(flag: string, text: string): HostOp[] {
  if (text === 'none') return []
  const names = text.split(',').map((name) => name.trim())
  const known: readonly string[] = [...hostOpNames, ...alwaysOnHost]
  for (const name of names) {
    if (!known.includes(name))
      throw new UsageError(`Expected none or some of ${known.join(', ')} for ${flag}, got ${text}.`)
  }
  return hostOpNames.filter((op) => names.includes(op))
}
