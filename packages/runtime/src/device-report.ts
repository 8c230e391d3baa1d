/** What this machine offers, for a person who wonders why something does not work. */
import { spawnSync } from 'node:child_process'
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os'
import { AneError } from './ane-error.js'
import { loadAddon } from './cpu/addon.js'

/** Facts about the machine and the addon; nothing here throws, what failed is in `addon.error`. */
export interface DeviceReport {
  readonly platform: string
  readonly release: string
  readonly arch: string
  readonly node: string
  readonly cpuModel: string
  readonly cores: {
    /** Logical processors of the machine. */
    readonly total: number
    /** Cores this process may use, affinity and, where the addon loads, container limits considered. */
    readonly available: number
  }
  /** Bytes of physical memory. */
  readonly memory: number
  /** Instruction sets the kernels can use, best first; empty when the addon does not load. */
  readonly isas: readonly string[]
  /** The value of ANE_ISA, if it is set. */
  readonly forcedIsa?: string
  readonly compiler?: { readonly command: string; readonly version: string }
  readonly addon:
    | { readonly status: 'loaded'; readonly path: string }
    | { readonly status: 'failed'; readonly code: string; readonly error: string }
}

/** Collects the report; runs the compiler once to learn its version. */
export function deviceReport(): DeviceReport {
  const { addon, isas, available } = probeAddon()
  const processors = cpus()
  return {
    platform: platform(),
    release: release(),
    arch: arch(),
    node: process.version,
    cpuModel: processors[0]?.model.trim() || 'unknown',
    cores: { total: processors.length, available },
    memory: totalmem(),
    isas,
    ...(process.env.ANE_ISA ? { forcedIsa: process.env.ANE_ISA } : {}),
    ...findCompiler(),
    addon,
  }
}

function probeAddon(): { addon: DeviceReport['addon']; isas: readonly string[]; available: number } {
  try {
    const addon = loadAddon()
    const { isas, availableCores } = addon.processor()
    return { addon: { status: 'loaded', path: addon.addonPath }, isas, available: availableCores }
  } catch (error) {
    const code = error instanceof AneError ? error.code : 'ANE_INTERNAL'
    const message = error instanceof Error ? error.message : String(error)
    return { addon: { status: 'failed', code, error: message }, isas: [], available: availableParallelism() }
  }
}

function findCompiler(): Pick<DeviceReport, 'compiler'> {
  const wanted = process.env.CXX?.trim()
  for (const command of wanted ? [wanted] : ['c++', 'g++', 'clang++']) {
    const [program, ...args] = command.split(/\s+/)
    const result = spawnSync(program, [...args, '--version'], { encoding: 'utf8' })
    if (result.status === 0) return { compiler: { command, version: result.stdout.split('\n', 1)[0].trim() } }
  }
  return {}
}
