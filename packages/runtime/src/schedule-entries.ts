/** Labels and groups of schedule entries, the same on every device. */
import type { ScheduleEntry } from './device.js'

/** How an entry is shown; default label its program or kernel, default group `device` for runs, `host` for kernels. */
export interface EntryOptions {
  label?: string
  group?: string
}

/** Describes one entry of a schedule. */
export function describeEntry(kind: ScheduleEntry['kind'], name: string, options: EntryOptions = {}): ScheduleEntry {
  const { label = name, group = kind === 'run' ? 'device' : 'host' } = options
  return Object.freeze({ kind, label, group })
}
