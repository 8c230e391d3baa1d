import { memoryEstimate, presets } from '@ane/models'
import { describe, expect, it } from 'vitest'
import { UsageError } from './exit.js'
import { addressesLeft, expectMemoryFor, machineMemory, type StepSizes } from './memory.js'

const config = presets.stories260k
const sizes: StepSizes = { batchSize: 8, seqLen: 64, dtype: 'fp16' }
const bytes = (changed: Partial<StepSizes> = {}) => memoryEstimate(config, { ...sizes, ...changed }).total

const refusal = (bytes: number, because = ''): string => {
  try {
    expectMemoryFor(config, sizes, { limit: { bytes, because } })
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    return (error as Error).message
  }
  return 'fits'
}

describe('a training step', () => {
  it('may take what there is', () => {
    expect(refusal(bytes())).toBe('fits')
    expect(() => expectMemoryFor(config, sizes)).not.toThrow()
    expect(machineMemory()).toBeGreaterThan(bytes())
  })

  it('that takes more is refused with its parts and the largest batch that fits', () => {
    const message = refusal(bytes({ batchSize: 5 }))
    expect(message).toMatch(
      /^Expected a training step that fits into [\d.]+ MiB of memory, got one of about [\d.]+ MiB: /,
    )
    for (const part of ['parameters', 'gradients', 'moments', 'staged', 'activations', 'logits'])
      expect(message).toMatch(new RegExp(`${part} [\\d.]+ [KM]iB`))
    expect(message).toMatch(/Use --batch-size 5\.$/)
  })

  it('that takes more than a limit leaves is told which limit', () => {
    expect(refusal(bytes({ batchSize: 5 }), ', all that this container may use')).toMatch(
      /fits into [\d.]+ MiB of memory, all that this container may use, got one/,
    )
    const limits = 'Max address space         2000000000           unlimited            bytes     \n'
    const status = 'VmPeak:\t  800000 kB\nVmSize:\t  700000 kB\n'
    expect(addressesLeft(limits, status)).toBe(2e9 - 700000 * 1024 - 192 * 2 ** 20)
    expect(addressesLeft(limits.replace('2000000000', '900000000'), status)).toBe(0)
    expect(addressesLeft(limits.replace('2000000000', 'unlimited '), status)).toBe(Number.POSITIVE_INFINITY)
    expect(addressesLeft('', '')).toBe(Number.POSITIVE_INFINITY)
  })

  it('is advised shorter sequences, then a smaller model, where one sequence is too many', () => {
    expect(refusal(bytes({ batchSize: 1, seqLen: 40 }))).toMatch(/Use --batch-size 1 --seq-len 40\.$/)
    expect(refusal(1000)).toMatch(/Use a smaller --model\.$/)
  })
})
