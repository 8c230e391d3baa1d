/** What a probe is: one question to a Neural Engine, asked by running small programs. */
import type { ProbeContext } from './context.js'

/** One cell of a result; `null` where there is nothing to say. */
export type Cell = string | number | boolean | null

/** Raw numbers of one series, in the order they were taken. */
export interface Samples {
  readonly label: string
  readonly unit: 'ms'
  /** `modelled` numbers come from the simulator's cost model, `measured` ones from a clock of this machine. */
  readonly source: 'measured' | 'modelled'
  readonly values: readonly number[]
}

/** What a probe found. */
export interface ProbeFinding {
  readonly columns: readonly string[]
  /** One cell per column. */
  readonly rows: readonly (readonly Cell[])[]
  readonly samples: readonly Samples[]
  /** The answer in figures, by name; the names are stable. */
  readonly summary: Readonly<Record<string, Cell>>
  /** The answer in a sentence. */
  readonly conclusion: string
}

/** One question. */
export interface Probe {
  readonly name: string
  readonly question: string
  run(context: ProbeContext): Promise<ProbeFinding>
}

/** Text of a cell for what a device's interface does not offer. */
export const notAvailable = (reason: string): string => `not available on this device: ${reason}`
