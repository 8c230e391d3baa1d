/**
 * What a device is: surfaces, executables and schedules. The CPU engine, the reference interpreter and the Neural
 * Engine implement these interfaces; nothing above this package knows which one it runs on.
 */

import type { Target } from '@ane/mil'

/** Element types a surface can hold. */
export type SurfaceDtype = 'fp16' | 'fp32' | 'int8' | 'uint8' | 'int16' | 'uint16' | 'int32' | 'bool'

/** Tensor memory shared between programs and host kernels; dense, row-major, usually `[1, C, 1, S]` fp16. */
export interface Surface {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: SurfaceDtype
  /** The live memory. Call `touch()` after writing through it. */
  readonly bytes: Uint8Array
  /** Grows by one with every write, so that packed copies know when they are stale. */
  readonly version: number
  touch(): void
  /** Converts (fp32 → fp16 rounds to nearest even) and stores `data` from element `offset` on. @throws {RangeError} if it does not fit */
  write(data: ArrayLike<number>, offset?: number): void
  /** All elements, widened to fp32 (exact for fp16). */
  toFloat32(): Float32Array
  dispose(): void
}

export interface IoDescription {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: SurfaceDtype
}

/** Surfaces by input or output name. */
export type Bindings = Readonly<Record<string, Surface>>

export interface Executable {
  readonly name: string
  readonly inputs: readonly IoDescription[]
  readonly outputs: readonly IoDescription[]
  /** Floating-point operations of the matrix products of one run. */
  readonly flops: number
  /** Runs off the JavaScript thread. Resolves to the milliseconds the device took. */
  run(inputs: Bindings, outputs: Bindings): Promise<number>
  runSync(inputs: Bindings, outputs: Bindings): number
  dispose(): void
}

export interface CompileOptions {
  /** For messages and schedules; default the function's name. */
  name?: string
  /** Default `main`. */
  function?: string
  /** Weight files by the path the program names. */
  blobs?: ReadonlyMap<string, Uint8Array>
  /** Concrete shapes for inputs with unknown dimensions. */
  inputShapes?: Readonly<Record<string, readonly number[]>>
  /** Accept blob records with a wrong type, size or payload pointer (blob format notes, section 2). */
  lenientBlobs?: boolean
}

/**
 * `exact` rounds every operation's result to its declared type. `fast` keeps fused intermediates in fp32 and, where the
 * processor has bf16 dot products, rounds the factors of every product with more than four rows and columns to bf16,
 * whatever type they are stored in; sums stay fp32.
 */
export type MathMode = 'exact' | 'fast'

/** What the factors of matrix products are rounded to, beyond their own type; sums are fp32. */
export type Arithmetic = 'fp32' | 'bf16'

export interface DeviceOptions {
  /** Worker threads of the CPU engine and the host kernels; default the cores this process may use. Never changes a result in `exact`. */
  threads?: number
  math?: MathMode
  /** Quality of service of compiles and runs, 0 to 63; default 21. `ane` and `ane-sim` only, like all that follow. */
  qos?: number
  /** Ask for hardware times, which few systems deliver; default false. */
  perfStats?: boolean
  /** Where the text of a program that does not compile is written. */
  dumpFolder?: string
  /** Chip to simulate, `m1` … `m5` or a variant such as `m1-pro`; default `m4`. `ane-sim` only, like all that follow. */
  chip?: string
  /** macOS version to simulate; default the one most reports about the chip come from. */
  os?: string
  /** What goes wrong: for a list, the nth call of that kind, from 1. */
  faults?: SimulatorFaults
  /** Programs a process may compile; default that of the chip and system. */
  compileLimit?: number
  /** Programs a process may have loaded; default that of the chip. */
  loadLimit?: number
  /** Refuse what reports disagree on too, all of it or the limits named (`C-21`); default false: such a limit is only noted. */
  strict?: boolean | readonly string[]
}

/** Faults the simulator can be told to have. */
export interface SimulatorFaults {
  compile?: readonly number[]
  evaluate?: readonly number[]
  surface?: readonly number[]
  missingSelector?: string
  missingFramework?: boolean
}

export interface DeviceDescription {
  readonly kind: 'cpu' | 'reference' | 'ane' | 'ane-sim'
  /** e.g. `CPU engine, AVX-512, 2 threads`. */
  readonly summary: string
  readonly math: MathMode
  /** Of the CPU engine or the host kernels. */
  readonly threads: number
  /** Instruction set of the CPU engine; of the Neural Engine its sub-type (`h16g`), empty when unknown. */
  readonly isa: string
  /**
   * Of a Neural Engine, the chip (`m4-max`) and macOS (`26.2`) whose limits programs must meet; of a chip nobody reported on
   * the newest known.
   */
  readonly target?: Required<Target>
  /** Of the CPU engine: bf16 only in `fast`, and only where the processor has dot products of it. */
  readonly arithmetic?: Arithmetic
  /** Why `auto` took the CPU engine although this is a Mac. */
  readonly fallback?: string
}

/** A rectangle in a surface or typed array: element (r, c) is at `offset + r·rowStride + c·colStride`. */
export interface View {
  readonly of: Surface | Float32Array | Float64Array | Int32Array | Uint16Array
  readonly rows: number
  readonly cols: number
  readonly offset: number
  readonly rowStride: number
  readonly colStride: number
}

/** Operands of a host kernel by name: one view, several, or a number fixed when the schedule is recorded. */
export type KernelOperands = Readonly<Record<string, View | readonly View[] | number>>

export interface ScheduleEntry {
  readonly label: string
  readonly kind: 'run' | 'kernel'
  /** `device_forward`, `device_backward`, `host`, `staging`: how telemetry groups the times. */
  readonly group: string
}

/** Times of one execution in milliseconds, per entry in recording order. */
export interface ScheduleTimes {
  readonly total: number
  readonly entries: Float64Array
}

/** Times of an execution that another follows. */
export interface FollowedTimes extends ScheduleTimes {
  /** Milliseconds another thread ran entries alongside those of `next`; in no total. */
  readonly alongside: number
  /** Of the schedule that followed, or what ended it. */
  readonly next: ScheduleTimes | Error
}

/**
 * A fixed list of program runs and host kernels, recorded once and executed many times without entering JavaScript.
 * Surfaces and arrays named in it are kept alive by it. One execution at a time.
 */
export interface Schedule {
  readonly entries: readonly ScheduleEntry[]
  /** Appends a program run. @throws {TypeError|RangeError} if a binding is missing or has the wrong shape or type */
  run(executable: Executable, inputs: Bindings, outputs: Bindings, options?: { label?: string; group?: string }): this
  /** Appends a host kernel by name (see `kernels`). @throws if an operand is missing, unknown, misshapen or out of bounds */
  kernel(name: string, operands: KernelOperands, options?: { label?: string; group?: string }): this
  execute(): Promise<ScheduleTimes>
  /**
   * Executes these entries and then those of `next`, with the numbers of two executions.
   *
   * If these are all host kernels, a thread runs them in order alongside entries of `next` that share no memory with the
   * ones still to run. `total` is what execution waited for, so that both totals add up to the whole. Rejects if one
   * of these entries fails; if one of `next` fails, these are completed and `next` is the error.
   *
   * @throws {TypeError} if `next` is this schedule or of another device
   */
  executeThen(next: Schedule): Promise<FollowedTimes>
  executeSync(): ScheduleTimes
}

export interface Device {
  readonly description: DeviceDescription
  createSurface(shape: readonly number[], dtype: SurfaceDtype, name?: string): Surface
  /** @throws {AneError} code `ANE_COMPILE_FAILED`, with line and column of the program where known */
  compile(mil: string, options?: CompileOptions): Promise<Executable>
  createSchedule(): Schedule
  /** Writes a program refused before it was compiled where the device puts those it refuses; says where, or nothing. */
  dump?(mil: string, name: string): string
  dispose(): void
}
