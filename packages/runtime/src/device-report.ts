/** What this machine offers, for a person who wonders why something does not work. */
import { spawnSync } from 'node:child_process'
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os'
import { AneError } from './ane-error.js'
import { type Addon, type KernelChoice, loadAddon } from './cpu/addon.js'

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
  /** What the CPU engine multiplies with; empty when the addon does not load or ANE_ISA does not fit. */
  readonly kernels: readonly KernelReport[]
  readonly compiler?: { readonly command: string; readonly version: string }
  readonly addon:
    | { readonly status: 'loaded'; readonly path: string }
    | { readonly status: 'failed'; readonly code: string; readonly error: string }
}

/** The kernel of one kind of factors. */
export interface KernelReport {
  /** `bf16` is what `fast` rounds factors to. */
  readonly factors: KernelChoice['factors']
  /** E.g. `avx512_vnni`; of bf16 `null` where factors stay fp32. */
  readonly kernel: string | null
  /** Better kernels that are not used, and why: `avx512_bf16: the processor lacks AVX512-BF16`. */
  readonly notUsed: readonly string[]
}

/** What the kernels in use are, and why none of the better ones is. */
export function kernelReports(choices: readonly KernelChoice[], forcedIsa?: string): KernelReport[] {
  return (['fp32', 'bf16', 'int8'] as const).map((factors) => {
    const known = choices.filter((choice) => choice.factors === factors)
    const used = known.findIndex((choice) => choice.used)
    const better = used < 0 ? known : known.slice(0, used)
    return {
      factors,
      kernel: known[used]?.kernel ?? null,
      notUsed: better.map(({ kernel, needs, runs }) => {
        return `${kernel}: ${runs ? `ANE_ISA is ${forcedIsa}` : `the processor lacks ${needs}`}`
      }),
    }
  })
}

/** Collects the report; runs the compiler once to learn its version. */
export function deviceReport(): DeviceReport {
  const { addon, isas, available, kernels } = probeAddon()
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
    kernels,
    ...(process.env.ANE_ISA ? { forcedIsa: process.env.ANE_ISA } : {}),
    ...findCompiler(),
    addon,
  }
}

interface Probe extends Pick<DeviceReport, 'addon' | 'isas' | 'kernels'> {
  readonly available: number
}

function probeAddon(): Probe {
  try {
    const addon = loadAddon()
    const { isas, availableCores } = addon.processor()
    const kernels = chosenKernels(addon)
    return { addon: { status: 'loaded', path: addon.addonPath }, isas, kernels, available: availableCores }
  } catch (error) {
    const code = error instanceof AneError ? error.code : 'ANE_INTERNAL'
    const message = error instanceof Error ? error.message : String(error)
    const available = availableParallelism()
    return { addon: { status: 'failed', code, error: message }, isas: [], kernels: [], available }
  }
}

/** Empty when ANE_ISA names what the processor lacks; opening a device says so. */
function chosenKernels(addon: Addon): KernelReport[] {
  try {
    return kernelReports(addon.kernels(), process.env.ANE_ISA)
  } catch (error) {
    if (error instanceof RangeError) return []
    throw error
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
