import type { Device, DeviceKind, MathMode } from '@ane/runtime'
import type { Command } from 'commander'
import { asUsage, UsageError } from '../exit.js'
import { integerFlag, wordFlag } from './numbers.js'
import { commanderOptions, type OptionRow } from './table.js'

const kinds: readonly DeviceKind[] = ['auto', 'cpu', 'reference', 'ane', 'ane-sim']

/** Where programs run; every command that opens a device has these settings. */
export const deviceRows: readonly OptionRow[] = [
  {
    name: 'device',
    type: 'string',
    value: 'name',
    words: kinds,
    group: 'Device',
    help: 'auto, cpu, reference, ane (the Neural Engine of a Mac) or ane-sim (its simulator) (default: auto)',
  },
  {
    name: 'chip',
    type: 'string',
    value: 'name',
    group: 'Device',
    help: 'chip that ane-sim simulates, m1 … m5 or a variant such as m1-pro (default: m4)',
  },
  {
    name: 'os',
    type: 'string',
    value: 'version',
    group: 'Device',
    help: 'macOS version that ane-sim simulates, e.g. 26.2 (default: by the chip)',
  },
]

/** The settings above as commander parses them. */
export interface DeviceFlags {
  device?: string
  chip?: string
  os?: string
}

/** Adds the settings above to a command that takes the device `fallback` when none is named. */
export function addDeviceOptions(command: Command, fallback: DeviceKind = 'auto'): void {
  for (const row of deviceRows) {
    const help = row.help.replace('(default: auto)', `(default: ${fallback})`)
    for (const option of commanderOptions({ ...row, help })) command.addOption(option)
  }
}

/** What a command adds to the device it opens. */
export interface DeviceChoices {
  readonly math?: MathMode
  /** As the flag gives it, or checked already. */
  readonly threads?: string | number
  /** Where the text of a program that does not compile goes. */
  readonly dumpFolder?: string
}

/**
 * Opens the device the flags name.
 *
 * @throws {UsageError} if a setting makes no sense
 * @throws {AneError} if the device is not available
 */
export async function openDeviceFor(flags: DeviceFlags, choices: DeviceChoices = {}): Promise<Device> {
  const kind = wordFlag('--device', flags.device ?? 'auto', kinds)
  const simulated = kind === 'ane-sim'
  const given = flags.chip !== undefined ? '--chip' : flags.os !== undefined ? '--os' : undefined
  if (!simulated && given !== undefined) throw new UsageError(`Expected --device ane-sim for ${given}, got ${kind}.`)
  const { math, dumpFolder } = choices
  const threads = typeof choices.threads === 'string' ? integerFlag('--threads', choices.threads, 1) : choices.threads
  const { openDevice } = await import('@ane/runtime')
  const neuralEngine = kind === 'auto' || kind === 'ane' || simulated
  return asUsage(() =>
    openDevice(kind, {
      math,
      threads,
      ...(neuralEngine && { dumpFolder }),
      ...(simulated && { chip: flags.chip, os: flags.os }),
    }),
  )
}
