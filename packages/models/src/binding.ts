/**
 * How weights and activations reach a program: as inputs of their own, packed into one surface, or baked in as constants.
 */
import { type BlobFiles, bake, lower, type PackLayout, type Program, pack, print } from '@ane/mil'
import {
  type CompileOptions,
  type Device,
  type Executable,
  type Schedule,
  type Surface,
  transposed,
  type View,
  view,
} from '@ane/runtime'
import type { ModelDtype } from './graph.js'
import { elementCount } from './weights.js'

/** Where weights live: surfaces of their own, one packed surface per program, or constants of the program. */
export type WeightBinding = 'inputs' | 'packed' | 'baked'

const bindings: readonly WeightBinding[] = ['inputs', 'packed', 'baked']
const dtypes: readonly ModelDtype[] = ['fp16', 'fp32']

/** @throws {TypeError} if there is no such binding or programs cannot have the type */
export function checkBinding(binding: WeightBinding, dtype: ModelDtype): void {
  if (!bindings.includes(binding)) {
    throw new TypeError(`Expected one of ${bindings.join(', ')} for binding, got ${String(binding)}.`)
  }
  if (!dtypes.includes(dtype)) throw new TypeError(`Expected fp16 or fp32 for dtype, got ${String(dtype)}.`)
}

/** Whether programs run on a Neural Engine, real or simulated. */
export const onNeuralEngine = ({ description }: Device): boolean =>
  description.kind === 'ane' || description.kind === 'ane-sim'

/** The binding a device runs unless another is asked for: the Neural Engine wants one surface in and one out. */
export const defaultBinding = (device: Device): WeightBinding => (onNeuralEngine(device) ? 'packed' : 'inputs')

/** The Neural Engine reads widths that are no multiple of 32 wrongly or not at all, and M1 to M4 refuse wider surfaces. */
const packLimits = (device: Device) => (onNeuralEngine(device) ? { align: 32, maxColumns: 16384 } : {})

/** Neural Engines that take only the older spelling of programs, by their sub-type. */
const olderSpelling: Readonly<Record<string, string>> = { h13g: 'm1', h14g: 'm2' }

/** Compiles a program as the device's chip spells it; names and shapes of inputs and outputs stay. */
function compile(device: Device, program: Program, options: CompileOptions): Promise<Executable> {
  const chip = onNeuralEngine(device) ? olderSpelling[device.description.isa] : undefined
  if (chip === undefined) return device.compile(print(program), options)
  const lowered = lower(program, { chip, blobs: options.blobs })
  // Surfaces are bound by name: a program that would need other names is left for the device to refuse.
  if (Object.keys(lowered.renamed).length > 0) return device.compile(print(program), options)
  return device.compile(print(lowered.program), { ...options, blobs: lowered.blobs })
}

/** A program in `inputs` form with its constants. */
export interface ProgramSource {
  readonly name: string
  readonly program: Program
  readonly blobs: BlobFiles
  /** Which inputs are weights. */
  readonly weights: readonly string[]
}

/** An executable and how its inputs and outputs are laid out. */
export interface CompiledProgram {
  readonly executable: Executable
  readonly weights: readonly string[]
  readonly layout?: PackLayout
}

/** Part of a weight's staged copy: `view` holds the master `[out, in]`, norms `[1, size]`, from `row` and `column` on. */
export interface StagingTarget {
  readonly row: number
  readonly column: number
  readonly view: View
}

/** A compiled program with surfaces, ready to be recorded. */
export interface BoundProgram {
  /** Staged copies of each weight by input name; empty when weights are baked. */
  readonly staging: ReadonlyMap<string, readonly StagingTarget[]>
  /** Outputs by name, `[C, S]`. */
  readonly outputs: ReadonlyMap<string, View>
  /** Records the run, after copies of the activations where the binding needs them. */
  record(schedule: Schedule, activations: Activations, options: { label: string; group: string }): void
}

/** Activation inputs by name, `[C, S]`; whole surfaces where they come from an unpacked program. */
export type Activations = Readonly<Record<string, View>>

/** Surfaces that programs may share: weights between forward and backward, outputs between equal programs. */
export type SurfacePool = Map<string, Surface>

const rowsAndColumns = (shape: readonly number[]): [number, number] => [shape[1], elementCount(shape) / shape[1]]

/**
 * Compiles a program for one binding.
 *
 * @param values the weights by input name; needed by `baked` only
 * @throws {AneError} `ANE_COMPILE_FAILED` if the device refuses the program
 */
export async function compileBound(
  device: Device,
  source: ProgramSource,
  binding: WeightBinding,
  dtype: ModelDtype,
  values: Readonly<Record<string, Float32Array>> = {},
): Promise<CompiledProgram> {
  const { name, program, blobs } = source
  if (binding === 'packed') {
    const packed = pack(program, { weights: [...source.weights], outputs: 'concat', ...packLimits(device) })
    const executable = await compile(device, packed.program, { name, blobs })
    return { executable, weights: source.weights, layout: packed.layout }
  }
  if (binding === 'baked') {
    const used = Object.fromEntries(source.weights.map((weight) => [weight, values[weight]]))
    const baked = bake(program, used, { dtype })
    const executable = await compile(device, baked.program, { name, blobs: new Map([...blobs, ...baked.blobs]) })
    return { executable, weights: [] }
  }
  return { executable: await compile(device, program, { name, blobs }), weights: source.weights }
}

/** Gives a compiled program its surfaces, taking those already in `weights` and `outputs` and adding the ones it creates. */
export function bindProgram(
  device: Device,
  compiled: CompiledProgram,
  weights: SurfacePool,
  outputs: SurfacePool,
): BoundProgram {
  return compiled.layout === undefined
    ? bindSeparate(device, compiled, weights, outputs)
    : bindPacked(device, compiled, compiled.layout, outputs)
}

function pooled(device: Device, pool: SurfacePool, key: string, io: Executable['inputs'][number]): Surface {
  let surface = pool.get(key)
  if (surface === undefined) pool.set(key, (surface = device.createSurface(io.shape, io.dtype, key)))
  return surface
}

const wholeView = (surface: Surface): View => {
  const [rows, cols] = rowsAndColumns(surface.shape)
  return view(surface, { rows, cols })
}

/** Norm weights `[1, size, 1, 1]` are columns on the device and rows in the masters. */
const asMaster = (stored: View): View => (stored.cols === 1 ? transposed(stored) : stored)

function bindSeparate(
  device: Device,
  { executable, weights }: CompiledProgram,
  weightPool: SurfacePool,
  outputPool: SurfacePool,
): BoundProgram {
  const surfaces: Record<string, Surface> = {}
  for (const io of executable.inputs) {
    if (weights.includes(io.name)) surfaces[io.name] = pooled(device, weightPool, io.name, io)
  }
  const outputs: Record<string, Surface> = {}
  for (const io of executable.outputs) outputs[io.name] = pooled(device, outputPool, io.name, io)
  const target = (surface: Surface) => ({ row: 0, column: 0, view: asMaster(wholeView(surface)) })
  return {
    staging: new Map(Object.entries(surfaces).map(([name, surface]) => [name, [target(surface)]])),
    outputs: new Map(Object.entries(outputs).map(([name, surface]) => [name, wholeView(surface)])),
    record(schedule, activations, options) {
      const inputs: Record<string, Surface> = {}
      for (const { name } of executable.inputs) inputs[name] = surfaces[name] ?? (activations[name].of as Surface)
      schedule.run(executable, inputs, outputs, options)
    },
  }
}

function bindPacked(
  device: Device,
  { executable, weights }: CompiledProgram,
  layout: PackLayout,
  outputPool: SurfacePool,
): BoundProgram {
  const [input] = executable.inputs
  const [output] = executable.outputs
  const surface = device.createSurface(input.shape, input.dtype, `${executable.name} ${input.name}`)
  const result = pooled(device, outputPool, output.name, output)
  const targets = (name: string): StagingTarget[] =>
    layout.inputs[name].pieces.map(({ row0, rows, column }) => {
      const { cols, transposed: flipped } = layout.inputs[name]
      const stored = view(surface, { rows, cols, offset: column, rowStride: layout.input.columns, colStride: 1 })
      return flipped ? { row: 0, column: row0, view: transposed(stored) } : { row: row0, column: 0, view: stored }
    })
  const masterTargets = (name: string): StagingTarget[] => {
    const { rows, cols, transposed: flipped } = layout.inputs[name]
    if ((flipped ? rows : cols) !== 1) return targets(name)
    return targets(name).map(({ row, column, view: stored }) => ({
      row: column,
      column: row,
      view: transposed(stored),
    }))
  }
  const columns = layout.output.columns
  return {
    staging: new Map(weights.map((name) => [name, masterTargets(name)])),
    outputs: new Map(
      Object.entries(layout.outputs).map(([name, { channel, channels }]) => [
        name,
        view(result, { rows: channels, cols: columns, offset: channel * columns }),
      ]),
    ),
    record(schedule, activations, options) {
      for (const name of Object.keys(layout.inputs)) {
        if (weights.includes(name)) continue
        for (const { row, column, view: out } of targets(name)) {
          const source = partOf(activations[name], row, column, out)
          schedule.kernel('copy', { in: source, out }, { label: `${options.label} input ${name}`, group: 'staging' })
        }
      }
      schedule.run(executable, { [input.name]: surface }, { [output.name]: result }, options)
    },
  }
}

/** The rectangle of `whole` at (row, column) with the size of `like`. */
export function partOf(whole: View, row: number, column: number, like: { rows: number; cols: number }): View {
  const offset = whole.offset + row * whole.rowStride + column * whole.colStride
  return { ...whole, rows: like.rows, cols: like.cols, offset }
}
