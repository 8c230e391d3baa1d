/**
 * Cutting a model into programs: a segment is a run of half-blocks that becomes one program.
 *
 * Segments of the same structure have the same text (layers are numbered from 0 inside a segment), so each structure is
 * differentiated and compiled once.
 */
import { type BlobFiles, buildProgram, type Program, type Value } from '@ane/mil'
import type { ModelConfig } from './config.js'
import { attentionBlock, type GraphOptions, mlpBlock, type PositionConstants, positionConstants } from './graph.js'
import type { HostOp, LayersPerProgram } from './host-ops.js'
import { attentionWeightNames, layerWeightShape, mlpWeightNames } from './weights.js'

/** One half-block of one layer. */
export interface Part {
  readonly layer: number
  readonly kind: 'attention' | 'mlp'
}

/** A weight of a segment: its input name in the program and its checkpoint name. */
export interface SegmentWeight {
  readonly parameter: string
  readonly name: string
  /** `[out, in]` or `[size]`. */
  readonly shape: readonly number[]
}

/** A run of half-blocks. */
export interface Segment {
  readonly parts: readonly Part[]
  /** Equal for segments with equal programs. */
  readonly structure: string
  /** What the host does of every half-block; its weights are not the segment's. */
  readonly hostOps: ReadonlySet<HostOp>
  /** For schedules and messages, e.g. `layers 0-3`. */
  readonly label: string
  readonly weights: readonly SegmentWeight[]
}

/**
 * Cuts the model into segments, first layers first.
 *
 * @throws {RangeError} if `layersPerProgram` is not `half`, `all` or a positive integer
 */
export function cutSegments(
  config: ModelConfig,
  layersPerProgram: LayersPerProgram,
  hostOps: ReadonlySet<HostOp> = new Set(),
): Segment[] {
  const layers = config.num_hidden_layers
  const parts = Array.from({ length: layers }, (_, layer): Part[] => [
    { layer, kind: 'attention' },
    { layer, kind: 'mlp' },
  ]).flat()
  if (layersPerProgram !== 'half' && layersPerProgram !== 'all') {
    if (!Number.isInteger(layersPerProgram) || layersPerProgram < 1) {
      throw new RangeError(`Expected half, all or a positive integer for layers_per_program, got ${layersPerProgram}.`)
    }
  }
  const size = layersPerProgram === 'half' ? 1 : layersPerProgram === 'all' ? parts.length : 2 * layersPerProgram
  const segments: Segment[] = []
  for (let start = 0; start < parts.length; start += size) {
    segments.push(segment(config, parts.slice(start, start + size), hostOps))
  }
  return segments
}

/** The norm at the start of a half-block. */
export const normName = ({ layer, kind }: Part): string =>
  `model.layers.${layer}.${kind === 'attention' ? 'input_layernorm' : 'post_attention_layernorm'}.weight`

function segment(config: ModelConfig, parts: Part[], hostOps: ReadonlySet<HostOp>): Segment {
  const [first, last] = [parts[0].layer, parts[parts.length - 1].layer]
  const weights = parts.flatMap((part) =>
    (part.kind === 'attention' ? attentionWeightNames(config) : mlpWeightNames())
      .map((name) => ({
        parameter: parameterName(part.layer - first, name),
        name: `model.layers.${part.layer}.${name}`,
        shape: layerWeightShape(config, name),
      }))
      .filter(({ name }) => !(hostOps.has('rmsnorm') && name === normName(part))),
  )
  const label =
    parts.length === 1
      ? `layer ${first} ${parts[0].kind}`
      : first === last
        ? `layer ${first}`
        : `layers ${first}-${last}`
  return { parts, structure: parts.map(({ kind }) => kind).join(' '), hostOps, label, weights }
}

const parameterName = (layer: number, name: string) =>
  `layer_${layer}_${name.replace(/\.weight$/, '').replaceAll('.', '_')}`

/**
 * A segment's forward program in `inputs` form: input `x`, the weights, output `y`.
 *
 * With the norm on the host there is an input `normed`, beside `x` only while the residual addition is in the program; with
 * that addition on the host, `y` is what is to be added.
 */
export interface SegmentProgram {
  readonly program: Program
  readonly blobs: BlobFiles
  /** Names of values the backward pass should read rather than recompute. */
  readonly taps: readonly string[]
  /** Names of values the derivative treats as constants. */
  readonly detached: readonly string[]
  /** Inputs whose gradients the backward pass needs; that of an input missing here is the gradient of `y`. */
  readonly wrt: readonly string[]
}

/** Writes the forward program of a segment; equal structures give equal text. */
export function segmentProgram(
  config: ModelConfig,
  { parts, hostOps }: Segment,
  options: GraphOptions,
): SegmentProgram {
  const taps: string[] = []
  const hostNorm = hostOps.has('rmsnorm')
  const hostResidual = hostOps.has('residual')
  const { program, blobs, detached } = buildProgram({}, (b) => {
    const columns = options.batchSize * options.seqLen
    let constants: PositionConstants | undefined
    const positions = () => (constants ??= positionConstants(b, config, options))
    const stream = (name: string) => b.input(name, options.dtype, [1, config.hidden_size, 1, columns])
    let x: Value = stream(hostNorm && hostResidual ? 'normed' : 'x')
    const normed = hostNorm ? (hostResidual ? x : stream('normed')) : undefined
    for (const [index, { layer, kind }] of parts.entries()) {
      const local = layer - parts[0].layer
      const context = {
        ...options,
        b,
        config,
        positions,
        normed,
        hostResidual,
        weight: (name: string) => {
          const [rows, inner] = layerWeightShape(config, name)
          return b.input(parameterName(local, name), options.dtype, [1, rows, 1, inner ?? 1])
        },
        tap: (value: Value) => {
          taps.push(value.name)
          return value
        },
      }
      x = (kind === 'attention' ? attentionBlock : mlpBlock)(context, x)
      if (index < parts.length - 1) taps.push(x.name)
    }
    b.output(x, 'y')
  })
  const clipped = config.activation_clip !== undefined
  const wrt = hostNorm ? (clipped ? ['normed', 'x'] : ['normed']) : ['x']
  return { program, blobs, taps, detached, wrt }
}
