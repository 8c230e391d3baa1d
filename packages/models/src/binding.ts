/**
 * How weights and activations reach a program: as inputs of their own, packed into one surface, or baked in as constants.
 */
import { type BlobFiles, bake, type PackLayout, type Program, pack } from '@ane/mil'
import { type Device, type Schedule, type Surface, transposed, type View, view } from '@ane/runtime'
import { compileFor, type DeviceProgram, onNeuralEngine, type Port, portView } from './device-programs.js'
import type { ModelDtype } from './graph.js'

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

/** The binding a device runs unless another is asked for: the Neural Engine wants one surface in and one out. */
export const defaultBinding = (device: Device): WeightBinding => (onNeuralEngine(device) ? 'packed' : 'inputs')

/** The Neural Engine reads widths that are no multiple of 32 wrongly or not at all, and M1 to M4 refuse wider surfaces. */
const packLimits = (device: Device) => (onNeuralEngine(device) ? { align: 32, maxColumns: 16384 } : {})

/** A program in `inputs` form with its constants. */
export interface ProgramSource {
  readonly name: string
  readonly program: Program
  readonly blobs: BlobFiles
  /** Which inputs are weights. */
  readonly weights: readonly string[]
}

/** A compiled program and how its inputs and outputs are laid out. */
export interface CompiledProgram extends DeviceProgram {
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

/**
 * Compiles a program for one binding.
 *
 * @param values the weights by input name; needed by `baked` only
 * @throws {AneError} `ANE_COMPILE_FAILED` if the program breaks a limit of the device's chip or the device refuses it
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
    const compiled = await compileFor(device, packed.program, { name, blobs })
    return { ...compiled, weights: source.weights, layout: packed.layout }
  }
  if (binding === 'baked') {
    const used = Object.fromEntries(source.weights.map((weight) => [weight, values[weight]]))
    const baked = bake(program, used, { dtype })
    const compiled = await compileFor(device, baked.program, { name, blobs: new Map([...blobs, ...baked.blobs]) })
    return { ...compiled, weights: [] }
  }
  return { ...(await compileFor(device, program, { name, blobs })), weights: source.weights }
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

function pooled(device: Device, pool: SurfacePool, { name, bound }: Port): Surface {
  let surface = pool.get(name)
  if (surface === undefined) pool.set(name, (surface = device.createSurface(bound.shape, bound.dtype, name)))
  return surface
}

/** Norm weights `[1, size, 1, 1]` are columns on the device and rows in the masters. */
const asMaster = (stored: View): View => (stored.cols === 1 ? transposed(stored) : stored)

function bindSeparate(
  device: Device,
  { executable, inputs, outputs, weights }: CompiledProgram,
  weightPool: SurfacePool,
  outputPool: SurfacePool,
): BoundProgram {
  const staged = inputs
    .filter(({ name }) => weights.includes(name))
    .map((port) => ({ port, surface: pooled(device, weightPool, port) }))
  const written = outputs.map((port) => ({ port, surface: pooled(device, outputPool, port) }))
  const own = new Map(staged.map(({ port, surface }) => [port.name, surface]))
  const target = (port: Port, surface: Surface) => ({ row: 0, column: 0, view: asMaster(portView(port, surface)) })
  return {
    staging: new Map(staged.map(({ port, surface }) => [port.name, [target(port, surface)]])),
    outputs: new Map(written.map(({ port, surface }) => [port.name, portView(port, surface)])),
    record(schedule, activations, options) {
      const read = inputs.map(({ name, bound }) => [bound.name, own.get(name) ?? (activations[name].of as Surface)])
      const bound = written.map(({ port, surface }) => [port.bound.name, surface])
      schedule.run(executable, Object.fromEntries(read), Object.fromEntries(bound), options)
    },
  }
}

function bindPacked(
  device: Device,
  { executable, inputs, outputs, weights }: CompiledProgram,
  layout: PackLayout,
  outputPool: SurfacePool,
): BoundProgram {
  const [{ bound: input }] = inputs
  const [{ bound: output }] = outputs
  const surface = device.createSurface(input.shape, input.dtype, `${executable.name} ${input.name}`)
  const result = pooled(device, outputPool, outputs[0])
  const { columns } = layout.input
  const targets = (name: string): StagingTarget[] =>
    layout.inputs[name].pieces.map(({ row0, rows, channel, column }) => {
      const { cols, transposed: flipped } = layout.inputs[name]
      const stored = view(surface, { rows, cols, offset: channel * columns + column, rowStride: columns })
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
  const whole = portView(outputs[0], result)
  return {
    staging: new Map(weights.map((name) => [name, masterTargets(name)])),
    outputs: new Map(
      Object.entries(layout.outputs).map(([name, { channel, channels }]) => [
        name,
        partOf(whole, channel, 0, { rows: channels, cols: whole.cols }),
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
