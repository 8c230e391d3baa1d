import { type BlobFiles, grad, type Program, type WeightPair } from '@ane/mil'
import type { Device, Executable } from '@ane/runtime'
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

/** What a segment has besides its programs. */
export interface SegmentBlock {
  readonly segment: Segment
  readonly pairs: readonly WeightPair[]
  /** What the host does of the half-block. */
  readonly host?: HostBlock
}

interface DifferentiatedSegment {
  readonly forward: ProgramSource
  readonly backward: ProgramSource
  readonly pairs: readonly WeightPair[]
}

/** Forward programs run first; backward programs may be compiled meanwhile. */
export type Direction = 'forward' | 'backward'

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
  readonly #weights: readonly SurfacePool[]
  readonly #outputs: Readonly<Record<Direction, readonly SurfacePool[]>>
  readonly #hosts: readonly (HostBlock | undefined)[]
  readonly #compiled: Record<Direction, readonly CompiledProgram[]> = { forward: [], backward: [] }
  #compiles = 0
  #disposed = false

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
    this.#weights = segments.map(() => new Map())
    const gradients = new Map<string, SurfacePool>()
    this.#outputs = {
      forward: segments.map(() => new Map()),
      backward: segments.map(({ structure }, i) => {
        const key = `${structure} ${i % 2}`
        const pool = gradients.get(key) ?? new Map()
        gradients.set(key, pool)
        return pool
      }),
    }
    this.#hosts = hostBlocks(device, config, segments, options)
  }

  /** Programs handed to the device's compiler so far. */
  get compiles(): number {
    return this.#compiles
  }

  /** The executables of a direction, one per segment. */
  executables(direction: Direction): Executable[] {
    return this.#compiled[direction].map(({ executable }) => executable)
  }

  /** What the segments have besides programs. */
  get blocks(): SegmentBlock[] {
    return this.segments.map((segment, i) => ({
      segment,
      pairs: this.#sources.get(segment.structure)!.pairs,
      host: this.#hosts[i],
    }))
  }

  /**
   * Compiles and binds one direction of every segment; executables of an earlier call are disposed once all new ones exist.
   *
   * @param weights the model's weights by checkpoint name; read only when they are baked, until the promise settles
   * @throws {AneError} if the device refuses a program; the earlier executables then stay
   */
  async bind(direction: Direction, weights: ReadonlyMap<string, Float32Array>): Promise<BoundProgram[]> {
    const programs = await this.#compile(direction, weights)
    const previous = this.#compiled[direction]
    this.#compiled[direction] = programs
    dispose(previous)
    const outputs = this.#outputs[direction]
    return programs.map((program, i) => bindProgram(this.device, program, this.#weights[i], outputs[i]))
  }

  async #compile(direction: Direction, weights: ReadonlyMap<string, Float32Array>): Promise<CompiledProgram[]> {
    const known = new Map<string, CompiledProgram>()
    const programs: CompiledProgram[] = []
    try {
      for (const segment of this.segments) {
        const source = this.#sources.get(segment.structure)![direction]
        const key = this.binding === 'baked' ? segment.label : segment.structure
        let program = known.get(key)
        if (program === undefined) {
          this.#expectLive()
          const values = segment.weights.map(({ parameter, name }) => [parameter, weights.get(name)!] as const)
          this.#compiles++
          const { dtype } = this.options
          program = await compileBound(this.device, source, this.binding, dtype, Object.fromEntries(values))
          known.set(key, program)
        }
        programs.push(program)
      }
      this.#expectLive()
    } catch (error) {
      dispose(programs)
      throw error
    }
    return programs
  }

  #expectLive(): void {
    if (this.#disposed) throw new TypeError('Expected a training step in use, got a disposed one.')
  }

  /** Frees the executables; surfaces belong to the device passed in. */
  dispose(): void {
    this.#disposed = true
    for (const direction of ['forward', 'backward'] as const) {
      dispose(this.#compiled[direction])
      this.#compiled[direction] = []
    }
  }
}

function dispose(programs: readonly CompiledProgram[]): void {
  for (const executable of new Set(programs.map(({ executable }) => executable))) executable.dispose()
}
