import { cache, compileBudget, concurrency } from './compiles.js'
import { ops } from './operators.js'
import type { Probe } from './probe.js'
import { chaining, perfStats, procedure, qos } from './requests.js'
import { dispatch, int8, peak, sram } from './throughput.js'
import { reload, weightsBuffer } from './weights.js'

/** Every probe. Those that may leave the process without runs (`tile` on M3) or without compiles come last. */
export const probes: readonly Probe[] = [
  reload,
  weightsBuffer,
  qos,
  perfStats,
  procedure,
  chaining,
  cache,
  sram,
  peak,
  dispatch,
  int8,
  concurrency,
  ops,
  compileBudget,
]
