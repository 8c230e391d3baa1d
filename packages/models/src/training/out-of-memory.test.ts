import { AneError, type Device, openDevice } from '@ane/runtime'
import { describe, expect, it } from 'vitest'
import { initialWeights } from '../initialisation.js'
import { presets } from '../presets.js'
import { createTrainStep } from './training-step.js'

/** A device on which making the second surface ends with `error`. */
async function exhausted(error: Error): Promise<Device> {
  const device = await openDevice('reference')
  let surfaces = 0
  return {
    description: device.description,
    createSurface: (...surface) => {
      if (++surfaces === 2) throw error
      return device.createSurface(...surface)
    },
    compile: (...program) => device.compile(...program),
    createSchedule: () => device.createSchedule(),
    dispose: () => device.dispose(),
  }
}

const config = presets.stories260k
const create = async (error: Error) =>
  createTrainStep(await exhausted(error), config, { batchSize: 1, seqLen: 8, weights: initialWeights(config, 0) })

describe('a training step that does not fit into memory', () => {
  it.each([
    new RangeError('Array buffer allocation failed'),
    new AneError('OUT_OF_MEMORY', 'Not enough memory for a surface of 1 bytes.'),
  ])('names the large parts, largest first, after %s', async (cause) => {
    const error = await create(cause).catch((caught) => caught)
    expect(error).toMatchObject({ name: 'AneError', code: 'OUT_OF_MEMORY', cause })
    expect(error.message).toMatch(/^Expected about [\d.]+ GiB of free memory .* moments .* parameters .* staged /)
  })

  it('leaves other errors as they are', async () => {
    const other = new RangeError('Expected positive dimensions for shape, got 0.')
    await expect(create(other)).rejects.toBe(other)
  })
})
