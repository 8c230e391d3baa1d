/** The functions of the native addon, as `native/src/node` exports them. Nothing outside this folder calls them. */
import { createRequire } from 'node:module'
import { AneError } from '../ane-error.js'
import type { Arithmetic, IoDescription, SurfaceDtype } from '../device.js'
import { diagnoseAddon } from './diagnosis.js'

declare const tag: unique symbol
/** An object of the addon, recognised by its type tag. */
export interface Handle<Kind extends string> {
  readonly [tag]: Kind
}
/** Tensor memory; `bytes` shows it until the surface is disposed. */
export type SurfaceHandle = Handle<'surface'> & { readonly bytes: Uint8Array }
/** Threads, working memory and programs of one device. */
export type DeviceHandle = Handle<'device'>
/** What the Neural Engine's framework says of itself; empty or 0 where it says nothing. */
export interface AneIdentity {
  readonly simulated: boolean
  readonly subType: string
  readonly build: string
  readonly cores: number
  /** Folders of dead processes removed when the device was opened. */
  readonly removedLeftovers: number
}
/** One Objective-C method as the bridge expects it and as this system has it; type encodings without offsets. */
export interface AneMethod {
  readonly name: string
  /** Empty for public classes, of which only the presence is checked. */
  readonly expected: string
  /** Empty when the class or the method is missing. */
  readonly found: string
  readonly required: boolean
  readonly ok: boolean
  readonly evidence: string
}
/** A compiled function. */
export type ProgramHandle = Handle<'program'>
/** A recorded list of runs and kernels. */
export type ScheduleHandle = Handle<'schedule'>

/** A view whose memory is a handle or a typed array. */
export interface NativeView {
  of: SurfaceHandle | ArrayBufferView
  rows: number
  cols: number
  offset: number
  rowStride: number
  colStride: number
}

/** A kernel of products, and whether this process uses it. */
export interface KernelChoice {
  readonly factors: 'fp32' | 'bf16' | 'int8'
  /** E.g. `avx512_vnni`. */
  readonly kernel: string
  /** What it asks of the processor; `null` for nothing. */
  readonly needs: string | null
  /** Whether the processor has that. */
  readonly runs: boolean
  readonly used: boolean
}

/** Every function checks its arguments and throws an error with a `code`. */
export interface Addon {
  readonly interfaceVersion: number
  readonly addonPath: string
  processor(): { isas: string[]; availableCores: number }
  /** Kernels of the same factors together, best first. @throws {RangeError} if ANE_ISA names what the processor lacks */
  kernels(): KernelChoice[]
  hostKernelNames(): string[]
  measurePeakFlops(threads: number, milliseconds: number, factors: string): Promise<number | null>
  measureMemoryBandwidth(threads: number, milliseconds: number): Promise<{ read: number; copy: number }>
  /** Path of the simulator's library, whether it was built or not. */
  readonly simulatorPath: string
  surfaceCreate(shape: readonly number[], dtype: SurfaceDtype, device?: DeviceHandle): SurfaceHandle
  surfaceVersion(surface: SurfaceHandle): number
  surfaceTouch(surface: SurfaceHandle): void
  surfaceDispose(surface: SurfaceHandle): void
  toFp16(out: Uint16Array, values: Float32Array): void
  fromFp16(out: Float32Array, bits: Uint16Array): void
  deviceCreate(
    threads: number,
    exact: boolean,
  ): DeviceHandle & { readonly isa: string; readonly arithmetic: Arithmetic }
  deviceDispose(device: DeviceHandle): void
  deviceCompile(
    device: DeviceHandle,
    text: string,
    functionName: string,
    blobs: [string, Uint8Array][],
    inputShapes: [string, readonly number[]][],
    lenientBlobs: boolean,
    name: string,
  ): Promise<ProgramHandle>
  /** An empty `simulator` means this Mac's own framework, a `compileBudget` of 0 that of the process. */
  aneDeviceCreate(
    threads: number,
    qos: number,
    perfStats: boolean,
    compileBudget: number,
    simulator: string,
    configuration: string,
  ): DeviceHandle & { readonly identity: AneIdentity }
  aneDeviceStatistics(device: DeviceHandle): Record<string, number> & { nearCompileLimit: boolean; simulator: string }
  aneMethods(simulator: string): AneMethod[]
  programDescribe(program: ProgramHandle): { inputs: IoDescription[]; outputs: IoDescription[]; flops: number }
  programRun(program: ProgramHandle, inputs: SurfaceHandle[], outputs: SurfaceHandle[]): Promise<number>
  programRunSync(program: ProgramHandle, inputs: SurfaceHandle[], outputs: SurfaceHandle[]): number
  programDispose(program: ProgramHandle): void
  scheduleCreate(device: DeviceHandle): ScheduleHandle
  scheduleRun(schedule: ScheduleHandle, program: ProgramHandle, inputs: SurfaceHandle[], outputs: SurfaceHandle[]): void
  scheduleKernel(
    schedule: ScheduleHandle,
    name: string,
    operands: [string, number | NativeView[]][],
    written: SurfaceHandle[],
  ): void
  scheduleExecute(schedule: ScheduleHandle, entries: Float64Array): Promise<number>
  scheduleExecuteSync(schedule: ScheduleHandle, entries: Float64Array): number
  /** Milliseconds of the first, of its part alongside the second, and of the second or what ended it. */
  scheduleExecuteThen(
    first: ScheduleHandle,
    entries: Float64Array,
    second: ScheduleHandle,
    secondEntries: Float64Array,
  ): Promise<[total: number, alongside: number, next: number | Error]>
}

/** Version of the functions above; the addon of another build is refused. */
export const interfaceVersion = 7

let loaded: Addon | undefined

/**
 * The native addon, loaded on the first call. The reference device never calls this.
 *
 * @throws {AneError} code `ADDON_NOT_FOUND` or `ADDON_INCOMPATIBLE`; the message lists what to do about it
 */
export function loadAddon(): Addon {
  loaded ??= requireAddon()
  return loaded
}

function requireAddon(): Addon {
  let addon: Addon
  try {
    addon = createRequire(import.meta.url)('@ane/native') as Addon
  } catch (cause) {
    throw diagnoseAddon(cause)
  }
  if (addon.interfaceVersion !== interfaceVersion) {
    throw new AneError(
      'ADDON_INCOMPATIBLE',
      `Expected interface version ${interfaceVersion} for the addon at ${addon.addonPath}, got ` +
        `${addon.interfaceVersion}. Build it again: pnpm --filter @ane/native build`,
    )
  }
  return addon
}
