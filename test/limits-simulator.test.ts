import {
  allocate,
  checkLimits,
  chipFamilies,
  elementCount,
  grad,
  lower,
  type Program,
  pack,
  print,
  writeBlob,
} from '@ane/mil'
import { cutSegments, modelConfig, presets, segmentProgram } from '@ane/models'
import { openDevice } from '@ane/runtime'
import { describe, expect, it } from 'vitest'
import { operatorCases } from '../packages/mil/test/limit-cases.js'
import { surfaceCases } from '../packages/mil/test/limit-surface-cases.js'

/** Layers as in the smallest preset, and with query and key norms. */
const configs = {
  stories260k: presets.stories260k,
  'a small Qwen3': modelConfig({
    ...presets['qwen3-0.6b'],
    hidden_size: 128,
    intermediate_size: 160,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 32,
    num_hidden_layers: 1,
  }),
}

/** A file for each weight of a program, if it names one record of zeros per file. */
function zeroFiles({ functions }: Program): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  for (const { operands } of functions.flatMap(({ operations }) => operations)) {
    for (const operand of Object.values(operands)) {
      if (operand.kind !== 'literal' || operand.literal.value.kind !== 'blob') continue
      const { type, value } = operand.literal
      if (type.kind !== 'tensor' || files.has(value.path)) continue
      files.set(value.path, writeBlob(type.dtype, allocate(type.dtype, elementCount(type.shape as number[]))))
    }
  }
  return files
}

describe.each(chipFamilies)('the simulated %s', (chip) => {
  it.each(Object.keys(configs) as (keyof typeof configs)[])('compiles the lowered programs of %s', async (name) => {
    const device = await openDevice('ane-sim', { chip, threads: 1 })
    try {
      for (const segment of cutSegments(configs[name], 'half').slice(0, 2)) {
        const options = { batchSize: 1, seqLen: 64, dtype: 'fp16' } as const
        const { program, blobs, taps, detached } = segmentProgram(configs[name], segment, options)
        const weights = segment.weights.map(({ parameter }) => parameter)
        const { forward, backward, blobs: more } = grad(program, { wrt: ['x'], weights, taps, detached })
        for (const source of [forward, backward]) {
          const inputs = source.functions[0].inputs.map((input) => input.name)
          const used = weights.filter((weight) => inputs.includes(weight))
          const packed = pack(source, { weights: used, outputs: 'concat', align: 32 })
          const lowered = lower(packed.program, { chip, blobs: new Map([...blobs, ...more]) })
          const executable = await device.compile(print(lowered.program), { name: segment.label, blobs: lowered.blobs })
          expect(executable.inputs).toHaveLength(1)
          executable.dispose()
        }
      }
    } finally {
      device.dispose()
    }
  })
})

describe('what the simulator refuses', () => {
  it.each([...operatorCases, ...surfaceCases].map((entry) => [entry.id, entry] as const))(
    'is known to the limits before: the program that breaks %s',
    async (_, { breaks, target }) => {
      const { chip } = target
      const reported = checkLimits(breaks, target).filter(({ severity }) => severity !== 'info')
      const device = await openDevice('ane-sim', { chip, threads: 1 })
      try {
        const executable = await device.compile(print(breaks), { name: 'broken', blobs: zeroFiles(breaks) })
        executable.dispose()
      } catch (error) {
        const rules = [...new Set((error as Error).message.match(/C-\d+/g) ?? [])]
        expect(reported.map(({ rule }) => rule)).toEqual(expect.arrayContaining(rules))
      } finally {
        device.dispose()
      }
    },
  )
})
