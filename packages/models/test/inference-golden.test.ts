import { describe, expect, it } from 'vitest'
import { largestError } from '../../../test/shared/errors.js'
import { hasShared, sharedJson, sharedPath } from '../../../test/shared/folder.js'
import { logitsTolerances, mathModes, toleranceOf } from '../../../test/shared/tolerances.js'
import {
  argmax,
  continueTokens,
  ForwardPass,
  generate,
  loadCheckpoint,
  type ModelDtype,
  readSafetensors,
} from '../src/index.js'
import { deviceIfAny } from './devices.js'

interface Generation {
  prompt_tokens: number[]
  tokens: number[]
  forward_calls: number
  stopped_on_bos: boolean
  logits_tensor: string
  top5: [number, number][][]
}

const checkpoints = {
  stories260K: 'data/stories260K/stories260K.bin',
  'random-untied': 'golden/runc/random-untied.bin',
} as const

const BOS = 1

async function collect(tokens: AsyncIterable<number>): Promise<number[]> {
  const all: number[] = []
  for await (const token of tokens) all.push(token)
  return all
}

const dtypes: readonly ModelDtype[] = ['fp32', 'fp16']
const cases = mathModes.flatMap((math) =>
  (Object.keys(checkpoints) as (keyof typeof checkpoints)[]).flatMap((name) =>
    dtypes.map((dtype) => [name, dtype, math] as const),
  ),
)

describe.skipIf(!hasShared)('generation like llama2.c (needs ../shared)', () => {
  it.for(cases)('%s in %s has its logits and tokens in %s', async ([name, dtype, math], { skip }) => {
    const device = await deviceIfAny('cpu', undefined, { math })
    if (device === undefined) return skip('no cpu device')
    const { config, weights } = await loadCheckpoint(sharedPath(checkpoints[name]))
    const stored = await readSafetensors(sharedPath('golden/runc', `${name}.logits.safetensors`))
    const model = new ForwardPass(device, config, { weights, dtype })
    const allowed = toleranceOf(logitsTolerances, math, dtype)[name]
    for (const run of sharedJson('golden/runc', `${name}.json`).generations as Generation[]) {
      const golden = stored.get(run.logits_tensor)!.data as Float32Array
      const ours = await model.logits(run.tokens.slice(0, run.forward_calls))
      expect(largestError(ours, golden)).toBeLessThan(allowed)
      const V = config.vocab_size
      for (const [position, [[first, high], [, second]]] of run.top5.entries()) {
        if (high - second > 2 * allowed) {
          expect(argmax(ours.subarray(position * V, (position + 1) * V))).toBe(first)
        }
      }
      if (dtype === 'fp32' && math === 'exact') {
        const prompt = run.prompt_tokens
        const maxTokens = run.tokens.length - prompt.length
        const tokens = await collect(continueTokens(model, prompt, { maxTokens, stopTokens: [BOS] }))
        expect([...prompt, ...tokens]).toEqual(run.tokens)
      }
    }
    model.dispose()
    device.dispose()
  })
})

describe.skipIf(!hasShared)('tiny Hugging Face checkpoints (needs ../shared)', () => {
  it.for([
    ...(['llama-f16-sharded', 'qwen3-bf16'] as const).flatMap((name) =>
      dtypes.flatMap((dtype) => mathModes.map((math) => [name, dtype, 'cpu', math] as const)),
    ),
    ['llama-f16-sharded', 'fp32', 'reference', 'exact'],
  ] as const)('%s in %s on %s has its logits and greedy tokens in %s', async ([name, dtype, kind, math], { skip }) => {
    const device = await deviceIfAny(kind, undefined, { math })
    if (device === undefined) return skip(`no ${kind} device`)
    const { config, weights } = await loadCheckpoint(sharedPath('golden/hf_tiny', name))
    const expected = await readSafetensors(sharedPath('golden/hf_tiny', name, 'expected.safetensors'))
    const model = new ForwardPass(device, config, { weights, dtype, layersPerProgram: 1 })
    const { shape, data } = expected.get('tokens')!
    const length = shape[shape.length - 1]
    const golden = expected.get('logits')!.data as Float32Array
    const perRow = length * config.vocab_size
    for (let row = 0; row * length < data.length; row++) {
      const tokens = Array.from(data.subarray(row * length, (row + 1) * length) as Int32Array, Number)
      const ours = await model.logits(tokens)
      expect(largestError(ours, golden.subarray(row * perRow, (row + 1) * perRow))).toBeLessThan(
        toleranceOf(logitsTolerances, math, dtype).huggingFace,
      )
    }
    if (dtype === 'fp32' && math === 'exact' && kind === 'cpu') {
      for (const { prompt, tokens } of sharedJson('golden/hf_tiny', name, 'expected.json').greedy) {
        const continued = await collect(
          generate(device, { config, weights }, prompt, { dtype, maxTokens: tokens.length - prompt.length }),
        )
        expect([...prompt, ...continued]).toEqual(tokens)
      }
    }
    model.dispose()
    device.dispose()
  })
})
