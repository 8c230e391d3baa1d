/** Times of compiles and runs, measured here and modelled by the simulator. */
import { performance } from 'node:perf_hooks'
import type { AneDevice, Bindings, CompileOptions, Executable } from '@ane/runtime'
import { summarize } from '../bench/machine.js'
import type { ProbeContext } from './context.js'
import type { Samples } from './probe.js'
import type { ProbeProgram } from './programs.js'

/** Milliseconds of one call by a clock, and by the cost model of a simulated chip. */
export interface Duration {
  readonly measured: number
  readonly modelled: number | null
}

type ModelledKind = 'compile' | 'load' | 'evaluate'

/** Times `act`; the modelled time is the sum of what it made the simulator do. */
export async function timed<T>(device: AneDevice, act: () => T | Promise<T>): Promise<{ value: T } & Duration> {
  const before = modelledMs(device)
  const start = performance.now()
  const value = await act()
  const measured = performance.now() - start
  const after = modelledMs(device)
  return { value, measured, modelled: after === null || before === null ? null : after - before }
}

function modelledMs(device: AneDevice): number | null {
  const times = device.statistics().simulator?.modelled_nanoseconds as Record<ModelledKind, number> | undefined
  return times ? (times.compile + times.load + times.evaluate) / 1e6 : null
}

/** Compiles a program of a probe. */
export const compile = (device: AneDevice, { text, blobs, name }: ProbeProgram): Promise<Executable> =>
  device.compile(text, { name, blobs } satisfies CompileOptions)

/** Runs once unmeasured, then `context.runs` times. */
export async function timeRuns(
  context: ProbeContext,
  device: AneDevice,
  executable: Executable,
  inputs: Bindings,
  outputs: Bindings,
): Promise<Duration[]> {
  executable.runSync(inputs, outputs)
  const durations: Duration[] = []
  for (let i = 0; i < context.runs; i++) {
    const { measured, modelled } = await timed(device, () => executable.runSync(inputs, outputs))
    durations.push({ measured, modelled })
  }
  return durations
}

/** The series of a list of times: what was measured, and what was modelled if anything was. */
export function samplesOf(label: string, durations: readonly Duration[]): Samples[] {
  const modelled = durations.flatMap(({ modelled }) => (modelled === null ? [] : [modelled]))
  return [
    { label, unit: 'ms', source: 'measured', values: durations.map(({ measured }) => measured) },
    ...(modelled.length > 0 ? [{ label, unit: 'ms', source: 'modelled', values: modelled } as const] : []),
  ]
}

/** The median that answers for the chip: modelled on a simulator, measured on a Neural Engine. */
export function chipMs(durations: readonly Duration[]): number {
  return summarize(durations.map(({ measured, modelled }) => modelled ?? measured)).median
}

/** The median by the clock. */
export const clockMs = (durations: readonly Duration[]): number =>
  summarize(durations.map(({ measured }) => measured)).median

/** Rounds for a table or a summary. */
export const rounded = (value: number, digits = 4): number => Number(value.toFixed(digits))
