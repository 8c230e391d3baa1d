import { chipFamilies, grad, lower, pack, print } from '@ane/mil'
import { cutSegments, modelConfig, presets, segmentProgram } from '@ane/models'
import { openDevice } from '@ane/runtime'
import { describe, expect, it } from 'vitest'

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
