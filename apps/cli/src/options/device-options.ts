import type { Device, DeviceDescription, DeviceKind, MathMode } from '@ane/runtime'
import { asUsage, UsageError } from '../exit.js'
import type { OptionRow } from './table.js'

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

/** The CPU engine's threads; every command that opens a device has this setting. */
export const threadsRow: OptionRow = {
  name: 'threads',
  type: 'integer',
  least: 1,
  group: 'Device',
  help: 'threads of the CPU engine (default: all cores)',
}

/** How programs compute. */
export const mathRow: OptionRow = {
  name: 'math',
  type: 'string',
  value: 'mode',
  words: ['exact', 'fast'],
  group: 'Device',
  help: 'exact rounds every operation as the Neural Engine would, fast keeps fused results in fp32 and multiplies in bf16, also fp32 numbers, where the processor can (default: exact)',
}

/** Type of a model's programs. */
export const dtypeRow: OptionRow = {
  name: 'dtype',
  type: 'string',
  value: 'type',
  words: ['fp16', 'fp32'],
  group: 'Device',
  help: 'type of the graph (default: fp16)',
}

/** `deviceRows` for a command that takes the device `fallback` when none is named. */
export const deviceRowsFor = (fallback: DeviceKind): OptionRow[] =>
  deviceRows.map((row) => ({ ...row, help: row.help.replace('(default: auto)', `(default: ${fallback})`) }))

/** The settings above as commander parses them. */
export interface DeviceFlags {
  device?: DeviceKind
  chip?: string
  os?: string
}

/** What a model's programs run on and how, for people: on a Neural Engine also the limits they are brought under. */
export function describeModelDevice({ summary, math, target }: DeviceDescription, dtype: 'fp16' | 'fp32'): string {
  const lowered = target === undefined ? '' : ` lowered for ${target.chip} and macOS ${target.os}`
  return `${summary}, ${math} math, ${dtype} graph${lowered}`
}

/** What a command adds to the device it opens. */
export interface DeviceChoices {
  readonly math?: MathMode
  readonly threads?: number
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
  const { device: kind = 'auto' } = flags
  const simulated = kind === 'ane-sim'
  const given = flags.chip !== undefined ? '--chip' : flags.os !== undefined ? '--os' : undefined
  if (!simulated && given !== undefined) throw new UsageError(`Expected --device ane-sim for ${given}, got ${kind}.`)
  const { math, threads, dumpFolder } = choices
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
