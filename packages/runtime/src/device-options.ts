/** Which options each kind of device takes, and which values they may have. */
import type { DeviceOptions, SimulatorFaults } from './device.js'

/** `auto` picks the best device that works here, once; what it picked is in `description`. */
export type DeviceKind = 'auto' | 'cpu' | 'reference' | 'ane' | 'ane-sim'

/** All kinds, in the order a person chooses. */
export const deviceKinds: readonly DeviceKind[] = ['auto', 'cpu', 'reference', 'ane', 'ane-sim']

type Name = keyof DeviceOptions

const common: readonly Name[] = ['threads', 'math']
const neuralEngine: readonly Name[] = [...common, 'qos', 'perfStats', 'dumpFolder']

const names: Readonly<Record<DeviceKind, readonly Name[]>> = {
  cpu: common,
  reference: common,
  auto: neuralEngine,
  ane: neuralEngine,
  'ane-sim': [...neuralEngine, 'chip', 'os', 'faults', 'compileLimit', 'loadLimit', 'strict'],
}

/**
 * Checks names and values of options, but not `threads`.
 *
 * @throws {TypeError} if the kind does not take an option or a value is of the wrong type
 * @throws {RangeError} if a number is out of range
 */
export function checkOptions(kind: DeviceKind, options: DeviceOptions): void {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  for (const [name] of given) {
    if (!names[kind].includes(name as Name)) {
      throw new TypeError(`Expected ${listed(names[kind])} for an option of the device ${kind}, got ${name}.`)
    }
  }
  const { math, qos, perfStats, dumpFolder, chip, os, faults, compileLimit, loadLimit, strict } = options
  const exactOnly = kind === 'ane' || kind === 'ane-sim'
  if (math !== undefined && math !== 'exact' && (math !== 'fast' || exactOnly)) {
    throw new TypeError(`Expected ${exactOnly ? 'exact' : 'exact or fast'} for math, got ${String(math)}.`)
  }
  if (qos !== undefined) checkInteger('qos', qos, 0, 63)
  if (perfStats !== undefined && typeof perfStats !== 'boolean') {
    throw new TypeError(`Expected true or false for perfStats, got ${String(perfStats)}.`)
  }
  for (const [name, value] of Object.entries({ dumpFolder, chip, os })) {
    if (value !== undefined && (typeof value !== 'string' || value === '')) {
      throw new TypeError(`Expected text for ${name}, got ${String(value)}.`)
    }
  }
  if (compileLimit !== undefined) checkInteger('compileLimit', compileLimit, 0, 1_000_000)
  if (loadLimit !== undefined) checkInteger('loadLimit', loadLimit, 0, 1_000_000)
  if (strict !== undefined && typeof strict !== 'boolean') {
    const named = Array.isArray(strict) && strict.every((id) => typeof id === 'string')
    if (!named) throw new TypeError(`Expected true, false or ids of limits for strict, got ${String(strict)}.`)
  }
  if (faults !== undefined) checkFaults(faults)
}

const faultLists: readonly string[] = ['compile', 'evaluate', 'surface']

function checkFaults(faults: SimulatorFaults): void {
  for (const [name, value] of Object.entries(faults)) {
    if (faultLists.includes(name)) {
      if (!Array.isArray(value)) throw new TypeError(`Expected a list for faults.${name}, got ${String(value)}.`)
      for (const call of value) checkInteger(`faults.${name}`, call, 1, Number.MAX_SAFE_INTEGER)
    } else if (name === 'missingSelector') {
      if (typeof value !== 'string') throw new TypeError(`Expected text for faults.${name}, got ${String(value)}.`)
    } else if (name !== 'missingFramework') {
      throw new TypeError(
        `Expected ${faultLists.join(', ')}, missingSelector or missingFramework for a fault, got ${name}.`,
      )
    } else if (typeof value !== 'boolean') {
      throw new TypeError(`Expected true or false for faults.${name}, got ${String(value)}.`)
    }
  }
}

function checkInteger(name: string, value: unknown, min: number, max: number): void {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
    throw new RangeError(`Expected an integer from ${min} to ${max} for ${name}, got ${String(value)}.`)
  }
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}
