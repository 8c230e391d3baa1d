/** The CPU engine as a device. */
import { engineError } from '../ane-error.js'
import type { MathMode } from '../device.js'
import type { Addon } from './addon.js'
import { AddonDevice } from './addon-device.js'

const isaNames: Readonly<Record<string, string>> = {
  avx512: 'AVX-512',
  avx2: 'AVX2',
  neon: 'NEON',
  portable: 'portable C++',
}

/** Threads and working memory of the addon. */
export class CpuDevice extends AddonDevice {
  /**
   * @param fallback why the Neural Engine was not taken, for the description
   * @throws {RangeError} if ANE_ISA names an instruction set this processor does not run
   */
  constructor(addon: Addon, threads: number, math: MathMode, fallback?: string) {
    const handle = createHandle(addon, threads, math)
    const { isa, arithmetic } = handle
    const count = threads === 1 ? '1 thread' : `${threads} threads`
    const products = math === 'fast' ? `, ${arithmetic} products` : ''
    const engine = `CPU engine, ${isaNames[isa] ?? isa}, ${count}${products}`
    const summary = fallback === undefined ? engine : `${engine} (no Neural Engine: ${fallback})`
    super(addon, handle, {
      kind: 'cpu',
      summary,
      math,
      threads,
      isa,
      arithmetic,
      ...(fallback !== undefined && { fallback }),
    })
  }
}

function createHandle(addon: Addon, threads: number, math: MathMode) {
  try {
    return addon.deviceCreate(threads, math === 'exact')
  } catch (cause) {
    throw engineError(cause)
  }
}
