import { type BlobFiles, grad, type Program, type WeightPair } from '@ane/mil'
import type { Device } from '@ane/runtime'
import {
  type BoundProgram,
  bindProgram,
  type CompiledProgram,
  compileBound,
  type ProgramSource,
  type SurfacePool,
  type WeightBinding,
} from '../binding.js'
import type { ModelConfig } from '../config.js'
import type { GraphOptions } from '../graph.js'
import { type Segment, segmentProgram } from '../segments.js'

import { type HostBlock, hostBlocks } from './host-block.js'

/** One segment's programs with their surfaces. */
export interface BoundSegment {
  readonly segment: Segment
  readonly forward: BoundProgram
  readonly backward: BoundProgram
  readonly pairs: readonly WeightPair[]
  /** What the host does of the half-block. */
  readonly host?: HostBlock
}

interface DifferentiatedSegment {
  readonly forward: ProgramSource
  readonly backward: ProgramSource
  readonly pairs: readonly WeightPair[]
}

/** A segment's compiled forward and backward program. */
type CompiledPair = readonly [forward: CompiledProgram, backward: CompiledProgram]

function differentiate(config: ModelConfig, segment: Segment, options: GraphOptions): DifferentiatedSegment {
  const { program, blobs, taps, detached, wrt } = segmentProgram(config, segment, options)
  const weights = segment.weights.map(({ parameter }) => parameter)
  const derived = grad(program, { wrt, weights, taps, detached })
  const source = (direction: string, part: Program, files: BlobFiles): ProgramSource => {
    const inputs = new Set(part.functions[0].inputs.map(({ name }) => name))
    const used = weights.filter((name) => inputs.has(name))
    return { name: `${segment.structure} ${direction}`, program: part, blobs: files, weights: used }
  }
  return {
    forward: source('forward', derived.forward, blobs),
    backward: source('backward', derived.backward, new Map([...blobs, ...derived.blobs])),
    pairs: derived.pairs,
  }
}

/**
 * The programs of all segments: each structure is compiled once, or each segment when weights are baked.
 *
 * Weights in surfaces of their own are shared by forward and backward; gradient surfaces by every other segment of equal
 * structure, since a segment's gradients are consumed before the one after next runs.
 */
export class SegmentPrograms {
  readonly #sources = new Map<string, DifferentiatedSegment>()
  readonly #outputs: SurfacePool[]
  readonly #gradients = new Map<string, SurfacePool>()
  readonly #hosts: readonly (HostBlock | undefined)[]
  #compiled: CompiledPair[] = []

  constructor(
    private readonly device: Device,
    config: ModelConfig,
    private readonly segments: readonly Segment[],
    private readonly options: GraphOptions,
    private readonly binding: WeightBinding,
  ) {
    for (const segment of segments) {
      const { structure } = segment
      if (!this.#sources.has(structure)) this.#sources.set(structure, differentiate(config, segment, options))
    }
    this.#outputs = segments.map(() => new Map())
    this.#hosts = hostBlocks(device, config, segments, options)
  }

  /**
   * Compiles and binds every segment; executables of an earlier call are disposed once all new ones exist.
   *
   * @param weights the model's weights by checkpoint name; read only when they are baked
   * @throws {AneError} if the device refuses a program; the earlier executables then stay
   */
  async bind(weights: ReadonlyMap<string, Float32Array>): Promise<BoundSegment[]> {
    const previous = this.#compiled
    this.#compiled = await this.#compile(weights)
    for (const executable of executablesOf(previous)) executable.dispose()
    return this.segments.map((segment, i) => {
      const [forward, backward] = this.#compiled[i]
      const shared: SurfacePool = new Map()
      const poolName = `${segment.structure} ${i % 2}`
      const gradients = this.#gradients.get(poolName) ?? new Map()
      this.#gradients.set(poolName, gradients)
      return {
        segment,
        forward: bindProgram(this.device, forward, shared, this.#outputs[i]),
        backward: bindProgram(this.device, backward, shared, gradients),
        pairs: this.#sources.get(segment.structure)!.pairs,
        host: this.#hosts[i],
      }
    })
  }

  async #compile(weights: ReadonlyMap<string, Float32Array>): Promise<CompiledPair[]> {
    const known = new Map<string, CompiledPair>()
    const pairs: CompiledPair[] = []
    const compiled: CompiledProgram[] = []
    try {
      for (const segment of this.segments) {
        const { forward, backward } = this.#sources.get(segment.structure)!
        const key = this.binding === 'baked' ? segment.label : segment.structure
        const values = Object.fromEntries(segment.weights.map(({ parameter, name }) => [parameter, weights.get(name)!]))
        const compile = async (source: ProgramSource) => {
          const program = await compileBound(this.device, source, this.binding, this.options.dtype, values)
          compiled.push(program)
          return program
        }
        const pair = known.get(key) ?? [await compile(forward), await compile(backward)]
        known.set(key, pair)
        pairs.push(pair)
      }
    } catch (error) {
      for (const { executable } of compiled) executable.dispose()
      throw error
    }
    return pairs
  }

  /** Frees the executables; surfaces belong to the device passed in. */
  dispose(): void {
    for (const executable of executablesOf(this.#compiled)) executable.dispose()
    this.#compiled = []
  }
}

const executablesOf = (pairs: readonly CompiledPair[]) =>
  new Set(pairs.flatMap(([forward, backward]) => [forward.executable, backward.executable]))
