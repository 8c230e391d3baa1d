/** The small programs probes are made of, in the spelling of their chip. */
import { type Builder, type BuildOptions, buildProgram, lower, type Program, print, type Value } from '@ane/mil'
import type { AneDevice, Surface, SurfaceDtype } from '@ane/runtime'
import type { ProbeContext } from './context.js'

/** A program ready to compile. */
export interface ProbeProgram {
  readonly name: string
  readonly program: Program
  readonly text: string
  readonly blobs: ReadonlyMap<string, Uint8Array>
}

/** The smallest surface every chip takes, with room: 256 channels of 128 columns, 64 KB. */
export const SMALL = [1, 256, 1, 128] as const

/** Builds a program in the version and with the buildInfo a chip takes, and changes no operation. */
export function spelled(context: ProbeContext, name: string, write: (b: Builder) => void): ProbeProgram {
  const old = /^m[12]/.test(context.chip)
  const options: BuildOptions = old ? { version: '1.0', opset: 'ios16' } : {}
  const built = buildProgram(options, write)
  const { attributes } = addition(context, 1).program // the buildInfo some systems need
  const program = { ...built.program, attributes }
  return { name, program, text: print(program), blobs: built.blobs }
}

/** Builds a program and rewrites what its chip would refuse. */
export function lowered(context: ProbeContext, name: string, write: (b: Builder) => void): ProbeProgram {
  const built = buildProgram({}, write)
  const { program, blobs } = lower(built.program, { chip: context.chip, os: context.os, blobs: built.blobs })
  return { name, program, text: print(program), blobs }
}

/** y = x + value, `value` being a scalar of the text. Another value makes another program. */
export const addition = (context: ProbeContext, value: number, shape: readonly number[] = SMALL): ProbeProgram =>
  lowered(context, `add ${value}`, (b) => {
    b.output(b.add({ x: b.input('x', 'fp16', shape), y: value }), 'y')
  })

/** No other process has a file of this name, so that `reload` overwrites its own only. */
const WEIGHTED_FILE = `@model_path/weights/probe-${process.pid}.bin`

/** y = x + w, w a weight file filled with `value`. The text is the same for every value of one process. */
export const weighted = (context: ProbeContext, value: number): ProbeProgram =>
  lowered(context, `weight ${value}`, (b) => {
    const data = new Float32Array(SMALL[1] * SMALL[3]).fill(value)
    const y = b.constant('fp16', SMALL, data, { name: 'w', path: WEIGHTED_FILE })
    b.output(b.add({ x: b.input('x', 'fp16', SMALL), y }), 'y')
  })

/** `depth` 1×1 convolutions one after the other with one weight of `channels`², on `columns` columns. */
export function convolutions(context: ProbeContext, channels: number, columns: number, depth: number): ProbeProgram {
  return lowered(context, `${depth} conv ${channels} × ${columns}`, (b) => {
    const weight = b.constant('fp16', [channels, channels, 1, 1], smallWeights(channels), {
      name: 'w',
      path: '@model_path/weights/w.bin',
    })
    let x: Value = b.input('x', 'fp16', [1, channels, 1, columns])
    for (let i = 0; i < depth; i++) x = b.conv({ x, weight })
    b.output(x, 'y')
  })
}

/** Products of these stay within fp16 over any depth and none is zero. */
export function smallWeights(channels: number): Float32Array {
  const weights = new Float32Array(channels * channels)
  const scale = 1 / channels
  for (let i = 0; i < weights.length; i++) weights[i] = (1 + (i % 7) / 8) * (i % 2 === 0 ? scale : -scale)
  return weights
}

/** Floating-point operations of `convolutions`. */
export const convolutionFlops = (channels: number, columns: number, depth: number): number =>
  2 * channels * channels * columns * depth

/** A surface whose elements are all `value`. */
export function filled(
  device: AneDevice,
  shape: readonly number[],
  value: number,
  name: string,
  dtype: SurfaceDtype = 'fp16',
): Surface {
  const surface = device.createSurface(shape, dtype, name)
  surface.write(new Float32Array(shape.reduce((product, dim) => product * dim, 1)).fill(value))
  return surface
}
