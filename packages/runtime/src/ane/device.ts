/** The Neural Engine, or its simulator, as a device of the addon. */
import type { Target } from '@ane/mil'
import { AneError, engineError } from '../ane-error.js'
import type { Addon, AneIdentity, DeviceHandle } from '../cpu/addon.js'
import { AddonDevice } from '../cpu/addon-device.js'
import type { CompileOptions, Device, DeviceDescription, Executable } from '../device.js'
import { diagnosis, dumpRefused } from './refusal.js'

/** What a Neural Engine device has done so far. */
export interface AneStatistics {
  /** Programs handed to the compiler by this device, and by the whole process. */
  readonly compiles: number
  readonly processCompiles: number
  /** True from 110 compiles of the process on: some systems stop at about 119. */
  readonly nearCompileLimit: boolean
  /** Compiles saved because a program of equal text and weights was loaded. */
  readonly cacheHits: number
  readonly compileMs: number
  readonly loads: number
  readonly livePrograms: number
  readonly evaluations: number
  /** Requests built: one per program and distinct set of surfaces. */
  readonly requests: number
  /** Inputs and outputs copied because the surfaces of one program must be of equal size. */
  readonly stagedCopies: number
  readonly stagedBytes: number
  readonly liveSurfaces: number
  readonly surfaceBytes: number
  /** Sum over the runs that reported a hardware time; `null` if none did. */
  readonly hardwareMs: number | null
  /** What the simulator counts and models; undefined on a real device. */
  readonly simulator?: Readonly<Record<string, unknown>>
}

/** Runs programs on the Neural Engine and host kernels on the processor. Surfaces are shared by both. */
export class AneDevice extends AddonDevice {
  readonly identity: AneIdentity
  readonly #dumpFolder: string | undefined

  constructor(
    addon: Addon,
    handle: DeviceHandle & { readonly identity: AneIdentity },
    override readonly description: DeviceDescription & { readonly target: Required<Target> },
    dumpFolder: string | undefined,
  ) {
    super(addon, handle, description)
    this.identity = handle.identity
    this.#dumpFolder = dumpFolder
  }

  /** @throws {AneError} with the compiler's own words, the limits the program breaks and the file it was written to */
  override async compile(mil: string, options: CompileOptions = {}): Promise<Executable> {
    try {
      return await super.compile(mil, options)
    } catch (error) {
      throw this.#explained(error, mil, options.name ?? options.function ?? 'main')
    }
  }

  /** @throws {TypeError} if the device is disposed */
  statistics(): AneStatistics {
    const handle = this.expectLive()
    try {
      const { hardwareNanoseconds, hardwareSamples, simulator, ...counts } = this.addon.aneDeviceStatistics(handle)
      return {
        ...(counts as unknown as Omit<AneStatistics, 'hardwareMs' | 'simulator'>),
        hardwareMs: hardwareSamples > 0 ? hardwareNanoseconds / 1e6 : null,
        ...(simulator !== '' && { simulator: JSON.parse(simulator) }),
      }
    } catch (cause) {
      throw engineError(cause)
    }
  }

  dump(mil: string, name: string): string {
    return this.#dumpFolder === undefined ? '' : dumpRefused(this.#dumpFolder, mil, name)
  }

  #explained(error: unknown, mil: string, name: string): unknown {
    if (!(error instanceof AneError) || !error.code.startsWith('ANE_COMPILE_')) return error
    const why = error.code === 'ANE_COMPILE_FAILED' ? diagnosis(mil, this.description.target) : ''
    const message = [error.message, why, this.dump(mil, name)].filter((part) => part !== '').join(' ')
    const { line, column } = error
    const explained = new AneError(error.code, message, { cause: error, line, column })
    explained.stack = error.stack?.replace(error.message, message)
    return explained
  }
}

/** What a Neural Engine device has done so far; undefined for devices of other kinds. @throws {TypeError} if it is disposed */
export function aneStatistics(device: Device): AneStatistics | undefined {
  return device instanceof AneDevice ? device.statistics() : undefined
}
