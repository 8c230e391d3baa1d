import { evaluate, parse, print, type TensorType, verify } from '@ane/mil'
import { describe, expect, it } from 'vitest'
import { relativeL2 } from '../../../test/shared/errors.js'
import { hasShared } from '../../../test/shared/folder.js'
import { cutSegments, segmentProgram } from '../src/index.js'
import { goldenModel } from './golden-model.js'

/** `[B · T, C]` row-major to `[C, B · T]`. */
function channelsFirst(rows: Float32Array, channels: number): Float32Array {
  const columns = rows.length / channels
  return Float32Array.from(rows, (_, i) => rows[(i % columns) * channels + Math.floor(i / columns)])
}

describe.skipIf(!hasShared)('the forward graph (needs ../shared)', () => {
  it.each([
    ['gqa_qknorm_untied', 'fp32'],
    ['odd60', 'fp32'],
    ['seq17_mqa', 'fp32'],
    ['gqa_qknorm_untied', 'fp16'],
  ] as const)('has the activations of %s in %s after each half-block', async (name, dtype) => {
    const model = await goldenModel(name)
    const { config, batchSize, seqLen } = model
    const C = config.hidden_size
    const weights = model.weights()
    const embedding = weights.get('model.embed_tokens.weight')!
    const rows = Float32Array.from({ length: batchSize * seqLen * C }, (_, i) => {
      return embedding[model.batch(0, 'tokens')[Math.floor(i / C)] * C + (i % C)]
    })
    let x = channelsFirst(rows, C)
    for (const segment of cutSegments(config, 'half')) {
      const { program, blobs } = segmentProgram(config, segment, { batchSize, seqLen, dtype })
      expect(verify(program)).toEqual([])
      const reread = parse(print(program))
      const shapes = reread.functions[0].inputs.map(
        ({ name, type }) => [name, (type as TensorType).shape as number[]] as const,
      )
      const data = (input: string) =>
        input === 'x' ? x : weights.get(segment.weights.find(({ parameter }) => parameter === input)!.name)!
      const inputs = Object.fromEntries(
        shapes.map(([input, shape]) => [input, { dtype, shape, data: data(input) }] as const),
      )
      x = evaluate(reread, inputs, { blobs }).y.data as Float32Array
      const [{ layer, kind }] = segment.parts
      const golden = model.tensor(`act.layer${layer}.${kind === 'attention' ? 'post_attn' : 'out'}`)
      expect(relativeL2(x, channelsFirst(golden, C))).toBeLessThan(dtype === 'fp32' ? 1e-6 : 2e-3)
    }
  })
})
