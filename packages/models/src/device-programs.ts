/** Programs and surfaces in the form a device takes: on a Neural Engine, brought under the limits of its chip. */
import {
  type BlobFiles,
  checkLimits,
  limitRule,
  lower,
  type Program,
  print,
  surfaceColumns,
  type Target,
} from '@ane/mil'
import { AneError, type Device, type Executable, type IoDescription, type View, view } from '@ane/runtime'
import type { ModelDtype } from './graph.js'

/** Whether programs must meet the limits of a Neural Engine, real or simulated. */
export const onNeuralEngine = ({ description }: Device): boolean => description.target !== undefined

/** Where an input or output of a program is bound. */
export interface Port {
  /** As the program was written. */
  readonly name: string
  /** `[C, S]` as the program was written. */
  readonly rows: number
  readonly cols: number
  /** As the device takes it; its rows may be wider than S. */
  readonly bound: IoDescription
}

/** An executable with its inputs and outputs. */
export interface DeviceProgram {
  readonly executable: Executable
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
}

interface ProgramText {
  readonly program: Program
  readonly blobs: BlobFiles
  /** New names of inputs and outputs by the old ones. */
  readonly renamed: Readonly<Record<string, string>>
}

/**
 * Compiles a program; on a Neural Engine its lowered form, whose results differ by roundings.
 *
 * @throws {AneError} `ANE_COMPILE_FAILED` if the program breaks a limit of the chip or the device refuses it
 */
export async function compileFor(
  device: Device,
  program: Program,
  { name, blobs }: { readonly name: string; readonly blobs: BlobFiles },
): Promise<DeviceProgram> {
  const { target } = device.description
  const text = target === undefined ? { program, blobs, renamed: {} } : loweredFor(device, target, program, name, blobs)
  const executable = await device.compile(print(text.program), { name, blobs: text.blobs })
  const [{ inputs, outputs }] = program.functions
  return {
    executable,
    inputs: inputs.map((value) => portOf(value, executable.inputs, text.renamed)),
    outputs: outputs.map((value) => portOf(value, executable.outputs, text.renamed)),
  }
}

function loweredFor(
  device: Device,
  target: Required<Target>,
  program: Program,
  name: string,
  blobs: BlobFiles,
): ProgramText {
  const lowered = lower(program, { ...target, blobs, widths: 'pad' })
  const [broken] = checkLimits(lowered.program, target)
  if (broken?.severity === 'error') {
    const { rule, message } = broken
    const hint =
      limitRule(rule)?.section === 'shapes'
        ? 'Put fewer layers into a program (--layers-per-program), or bind weights in another way (--weights).'
        : (broken.fix ?? '')
    const told = message.replace(/\.$/, ` (limit ${rule} of ${target.chip} with macOS ${target.os}, program ${name}).`)
    const dumped = device.dump?.(print(lowered.program), name) ?? ''
    throw new AneError('ANE_COMPILE_FAILED', [told, hint, dumped].filter((part) => part !== '').join(' '))
  }
  return lowered
}

function portOf(
  { name, type }: Program['functions'][number]['inputs'][number],
  bound: readonly IoDescription[],
  renamed: ProgramText['renamed'],
): Port {
  const io = bound.find((candidate) => candidate.name === (renamed[name] ?? name))
  if (io === undefined || type.kind !== 'tensor') {
    throw new TypeError(`Expected a tensor of the compiled program for ${name}, got none.`)
  }
  const shape = type.shape as readonly number[]
  return { name, rows: shape[1], cols: shape.slice(2).reduce((product, size) => product * size, 1), bound: io }
}

/** What a program reads or writes of the surface bound to a port, `[C, S]`. */
export const portView = ({ rows, cols, bound }: Port, surface: View['of']): View =>
  view(surface, { rows, cols, rowStride: bound.shape.slice(2).reduce((product, size) => product * size, 1) })

/** A surface for activations `[rows, cols]` that programs can be bound to. */
export function createStream(
  device: Device,
  { rows, cols }: { readonly rows: number; readonly cols: number },
  dtype: ModelDtype,
  name: string,
): View {
  const width = onNeuralEngine(device) ? surfaceColumns(cols) : cols
  return view(device.createSurface([1, rows, 1, width], dtype, name), { rows, cols, rowStride: width })
}
