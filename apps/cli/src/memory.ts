/** Whether a training step fits into this machine, known before anything is allocated. */
import { totalmem } from 'node:os'
import { type ModelConfig, memoryEstimate } from '@ane/models'
import { formatBytes } from '@ane/telemetry'
import { UsageError } from './exit.js'

/** Bytes of memory of this machine, or of the container where that is less. */
export const machineMemory = (): number => Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)

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
 * @param limit bytes
 * @param otherwise further advice
 * @throws {UsageError} with its large parts, largest first, and the setting that makes it fit
 */
export function expectMemoryFor(
  config: ModelConfig,
  sizes: StepSizes,
  { limit = machineMemory(), otherwise = '' } = {},
): void {
  const { total, ...parts } = memoryEstimate(config, sizes)
  if (total <= limit) return
  const named = Object.entries(parts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, bytes]) => `${name} ${formatBytes(bytes)}`)
  throw new UsageError(
    `Expected a training step that fits into ${formatBytes(limit)} of memory, got one of about ${formatBytes(total)}: ${named.join(', ')}. ${fitting(config, sizes, limit)}${otherwise}`,
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
