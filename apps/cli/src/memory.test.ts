import { memoryEstimate, presets } from '@ane/models'
import { describe, expect, it } from 'vitest'
import { UsageError } from './exit.js'
import { expectMemoryFor, machineMemory, type StepSizes } from './memory.js'

const config = presets.stories260k
const sizes: StepSizes = { batchSize: 8, seqLen: 64, dtype: 'fp16' }
const bytes = (changed: Partial<StepSizes> = {}) => memoryEstimate(config, { ...sizes, ...changed }).total

const refusal = (limit: number): string => {
  try {
    expectMemoryFor(config, sizes, { limit })
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

  it('is advised shorter sequences, then a smaller model, where one sequence is too many', () => {
    expect(refusal(bytes({ batchSize: 1, seqLen: 40 }))).toMatch(/Use --batch-size 1 --seq-len 40\.$/)
    expect(refusal(1000)).toMatch(/Use a smaller --model\.$/)
  })
})
