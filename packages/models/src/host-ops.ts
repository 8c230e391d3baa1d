/** Parts of a half-block that the host can do instead of a program. */
import type { ModelConfig } from './config.js'

/** How many layers go into one program: attention and MLP apart, a number of layers, or the whole model. */
export type LayersPerProgram = 'half' | 'all' | number

/** The norm at the start of every half-block, and the addition to the residual stream at its end. */
export type HostOp = 'rmsnorm' | 'residual'

/** All host operations, in the order a half-block needs them. */
export const hostOpNames: readonly HostOp[] = ['rmsnorm', 'residual']

/**
 * Checks which operations go to the host; the host stands between programs, so programs must be half-blocks.
 *
 * @throws {RangeError} if an operation is unknown, the programs are longer, or the model clips what the host would add
 */
export function checkHostOps(
  config: ModelConfig,
  layersPerProgram: LayersPerProgram,
  hostOps: Iterable<HostOp>,
): ReadonlySet<HostOp> {
  const ops = new Set(hostOps)
  for (const op of ops) {
    if (!hostOpNames.includes(op)) throw new RangeError(`Expected ${hostOpNames.join(' or ')} for host_ops, got ${op}.`)
  }
  if (ops.size > 0 && layersPerProgram !== 'half') {
    throw new RangeError(
      `Expected half for layers_per_program with host_ops ${[...ops].join(',')}, got ${layersPerProgram}.`,
    )
  }
  if (ops.has('residual') && config.activation_clip !== undefined) {
    throw new RangeError('Expected no residual in host_ops for a model with activation_clip, got residual.')
  }
  return ops
}
