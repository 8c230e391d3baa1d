/** Whether a training step fits into this machine, known before anything is allocated. */
import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { type ModelConfig, memoryEstimate } from '@ane/models'
import { formatBytes } from '@ane/telemetry'
import { UsageError } from './exit.js'

/** Of addresses that a process reserves without using them: the heap of JavaScript, stacks and malloc's arenas. */
const RESERVED_ADDRESSES = 192 * 2 ** 20

/**
 * Bytes that the limit on address space leaves for arrays, infinite where there is none.
 *
 * @param limits the text of /proc/self/limits
 * @param status the text of /proc/self/status
 */
export function addressesLeft(limits: string, status: string): number {
  const limit = /^Max address space +(\d+)/m.exec(limits)?.[1]
  const taken = /^VmSize:\s+(\d+) kB/m.exec(status)?.[1]
  if (limit === undefined || taken === undefined) return Number.POSITIVE_INFINITY
  return Math.max(0, Number(limit) - Number(taken) * 1024 - RESERVED_ADDRESSES)
}

/** How much memory arrays may take, and what the limit is. */
export interface MemoryLimit {
  readonly bytes: number
  /** Continues "of memory". */
  readonly because: string
}

const machineLimits = (): MemoryLimit[] => [
  { bytes: totalmem(), because: '' },
  { bytes: process.constrainedMemory() || Number.POSITIVE_INFINITY, because: ', all that this container may use' },
]

/** Bytes of memory of this machine, or of the container where that is less. */
export const machineMemory = (): number => Math.min(...machineLimits().map(({ bytes }) => bytes))

/** The least of the machine's memory, the container's and what `ulimit -v` leaves. */
export function memoryLimit(): MemoryLimit {
  const addresses = { bytes: readAddressesLeft(), because: ', what the limit on address space (ulimit -v) leaves' }
  return [...machineLimits(), addresses].reduce((least, limit) => (limit.bytes < least.bytes ? limit : least))
}

function readAddressesLeft(): number {
  if (process.platform !== 'linux') return Number.POSITIVE_INFINITY
  return addressesLeft(readFileSync('/proc/self/limits', 'utf8'), readFileSync('/proc/self/status', 'utf8'))
}

/** What the memory of a training step depends on. */
export interface StepSizes {
  readonly batchSize: number
  readonly seqLen: number
  readonly dtype: 'fp16' | 'fp32'
  /** Rows of the classifier, where they are fewer than the model's vocabulary. */
  readonly vocabulary?: number
}

/**
 * Checks that a training step fits, whatever else the machine runs.
 *
 * @param otherwise further advice
 * @throws {UsageError} with its large parts, largest first, and the setting that makes it fit
 */
export function expectMemoryFor(
  config: ModelConfig,
  sizes: StepSizes,
  { limit = memoryLimit(), otherwise = '' } = {},
): void {
  const { total, ...parts } = memoryEstimate(config, sizes)
  if (total <= limit.bytes) return
  const named = Object.entries(parts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, bytes]) => `${name} ${formatBytes(bytes)}`)
  throw new UsageError(
    `Expected a training step that fits into ${formatBytes(limit.bytes)} of memory${limit.because}, got one of about ${formatBytes(total)}: ${named.join(', ')}. ${fitting(config, sizes, limit.bytes)}${otherwise}`,
  )
}

function fitting(config: ModelConfig, sizes: StepSizes, limit: number): string {
  const largest = (name: 'batchSize' | 'seqLen', others: StepSizes): number => {
    let [fits, most] = [0, others[name]]
    while (fits + 1 < most) {
      const middle = Math.floor((fits + most) / 2)
      if (memoryEstimate(config, { ...others, [name]: middle }).total <= limit) fits = middle
      else most = middle
    }
    return fits
  }
  const batchSize = largest('batchSize', sizes)
  if (batchSize > 0) return `Use --batch-size ${batchSize}.`
  const seqLen = largest('seqLen', { ...sizes, batchSize: 1 })
  return seqLen > 0 ? `Use --batch-size 1 --seq-len ${seqLen}.` : 'Use a smaller --model.'
}
