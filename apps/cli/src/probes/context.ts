/** What probes run on: a chip that is known, devices opened with the settings of a probe, and clocks. */
import { resolveTarget } from '@ane/mil'
import {
  type AneDevice,
  AneError,
  type AneMethod,
  type DeviceOptions,
  loadAddon,
  openDevice,
  thisMac,
} from '@ane/runtime'
import { asUsage, UsageError } from '../exit.js'
import type { DeviceFlags } from '../options/device-options.js'

/** Flags of `ane probe`. */
export interface ProbeFlags extends DeviceFlags {
  compileLimit?: number
  runs: number
  json?: boolean
}

/** What a probe may use. */
export interface ProbeContext {
  readonly kind: 'ane' | 'ane-sim'
  /** True where times and limits are the simulator's. */
  readonly modelled: boolean
  readonly chip: string
  readonly os: string
  /** Timed runs of each program. */
  readonly runs: number
  /** Opens a device; one at a time, closed by the caller. */
  open(options?: Pick<DeviceOptions, 'qos' | 'perfStats'>): Promise<AneDevice>
  /** Every framework method the bridge knows of. */
  methods(): readonly AneMethod[]
}

const SIMULATOR_HINT = 'Try the simulator: ane probe <name> --device ane-sim'

/**
 * The context the flags ask for.
 *
 * @throws {UsageError} if a flag makes no sense
 * @throws {AneError} code `ANE_UNAVAILABLE` if the device is not a Neural Engine or its simulator
 */
export async function probeContext(flags: ProbeFlags): Promise<ProbeContext> {
  const { runs, compileLimit, device: asked = 'ane' } = flags
  if (asked !== 'ane' && asked !== 'ane-sim') {
    const message = `Expected ane or ane-sim for --device, got ${asked}, which is no Neural Engine. ${SIMULATOR_HINT}`
    throw new AneError('ANE_UNAVAILABLE', message)
  }
  const simulated = asked === 'ane-sim'
  for (const [flag, value] of Object.entries({
    '--chip': flags.chip,
    '--os': flags.os,
    '--compile-limit': compileLimit,
  })) {
    if (!simulated && value !== undefined) throw new UsageError(`Expected --device ane-sim for ${flag}, got ${asked}.`)
  }
  const target = simulated
    ? await asUsage(() => resolveTarget({ chip: flags.chip ?? 'm4', ...(flags.os !== undefined && { os: flags.os }) }))
    : undefined
  const { chip, os } = target ? { chip: target.chip.name, os: target.os } : thisMac()
  return {
    kind: asked,
    modelled: simulated,
    chip,
    os,
    runs,
    open: async (options = {}) => {
      const settings = simulated ? { ...options, chip, os, compileLimit } : options
      return (await asUsage(() => openDevice(asked, settings))) as AneDevice
    },
    methods: () => {
      const addon = loadAddon()
      return addon.aneMethods(simulated ? addon.simulatorPath : '')
    },
  }
}

/** Runs `act` with a device that is closed afterwards. */
export async function withDevice<T>(
  context: ProbeContext,
  act: (device: AneDevice) => Promise<T>,
  options: Pick<DeviceOptions, 'qos' | 'perfStats'> = {},
): Promise<T> {
  const device = await context.open(options)
  try {
    return await act(device)
  } finally {
    device.dispose()
  }
}
