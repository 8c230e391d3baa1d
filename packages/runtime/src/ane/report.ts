/** What this machine's Neural Engine and its framework offer, for a person who wonders why something does not work. */
import { type AneMethod, loadAddon } from '../cpu/addon.js'
import { tryAne } from './open.js'

/** Nothing here throws: what is missing is in the fields. */
export interface NeuralEngineReport {
  /** True on a Mac with Apple silicon. */
  readonly expected: boolean
  /** Summary of the device a program ran on. */
  readonly summary?: string
  /** Why no program runs. */
  readonly reason?: string
  /** Every class and method the bridge calls; empty where there is no framework. */
  readonly methods: readonly AneMethod[]
}

/** Looks the framework's methods up and compiles and runs a small program. */
export async function neuralEngineReport(): Promise<NeuralEngineReport> {
  const expected = process.platform === 'darwin' && process.arch === 'arm64'
  let methods: AneMethod[] = []
  try {
    const addon = loadAddon()
    if (expected) methods = addon.aneMethods('')
    const device = await tryAne(addon, 1, {})
    if (typeof device === 'string') return { expected, reason: device, methods }
    const { summary } = device.description
    device.dispose()
    return { expected, summary, methods }
  } catch (error) {
    return { expected, reason: (error as Error).message, methods }
  }
}
