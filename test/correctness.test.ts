import { elementCount, evaluate, grad, type Program, type Tensor, type TensorType } from '@ane/mil'
import {
  createTrainStep,
  cutSegments,
  initialWeights,
  modelConfig,
  segmentProgram,
  type WeightBinding,
} from '@ane/models'
import { type Device, type DeviceKind, openDevice } from '@ane/runtime'
import { describe, expect, it } from 'vitest'

/** Four query heads share two KV heads; every size differs from every other. */
const config = modelConfig({
  model_type: 'qwen3',
  hidden_size: 24,
  intermediate_size: 40,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 6,
  vocab_size: 19,
  max_position_embeddings: 32,
  tie_word_embeddings: false,
})
const [H, K, D, S] = [4, 2, 6, 8]

function randomTensor({ dtype, shape }: TensorType, seed: number): Tensor {
  let state = seed * 2654435761
  const data = Float32Array.from({ length: elementCount(shape as number[]) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
  return { dtype, shape: shape as number[], data }
}

const inputsOf = (program: Program) =>
  Object.fromEntries(
    program.functions[0].inputs.map(({ name, type }, i) => [name, randomTensor(type as TensorType, i + 1)]),
  )

/** Attention of one layer with its gradients, in fp32. */
function attention() {
  const [segment] = cutSegments(config, 'half')
  const { program, blobs, taps, detached } = segmentProgram(config, segment, { batchSize: 1, seqLen: S, dtype: 'fp32' })
  const weights = segment.weights.map(({ parameter }) => parameter)
  const named = (part: string) => weights.find((name) => name.includes(part))!
  const { forward, backward, pairs, blobs: more } = grad(program, { wrt: ['x'], weights, taps, detached })
  return { forward, backward, pairs, named, files: new Map([...blobs, ...more]) }
}

/** Rows `[group · size, (group + 1) · size)` of a matrix. */
const rowsOf = (data: ArrayLike<number>, cols: number, group: number, size: number) =>
  Array.from(data).slice(group * size * cols, (group + 1) * size * cols)

describe('grouped-query attention', () => {
  it('gives each KV head to its own group of query heads, forward', () => {
    const { forward, named, files } = attention()
    const inputs = inputsOf(forward)
    const before = evaluate(forward, inputs, { blobs: files }).attention.data as Float32Array
    for (let head = 0; head < K; head++) {
      const weight = inputs[named('v_proj')]
      const data = Float32Array.from(weight.data as Float32Array, (w, i) =>
        Math.floor(i / config.hidden_size / D) === head ? w + 1 : w,
      )
      const changed = { ...inputs, [named('v_proj')]: { ...weight, data } }
      const after = evaluate(forward, changed, { blobs: files }).attention.data as Float32Array
      const moved = Array.from({ length: H }, (_, query) =>
        rowsOf(after, S, query, D).some((y, i) => y !== rowsOf(before, S, query, D)[i]),
      )
      expect(moved).toEqual(Array.from({ length: H }, (_, query) => Math.floor(query / (H / K)) === head))
    }
  })

  it('gives each group its gradient to its own KV head, backward', () => {
    const { forward, backward, pairs, named, files } = attention()
    for (let head = 0; head < K; head++) {
      const inputs = inputsOf(forward)
      const output = inputs[named('o_proj')]
      const seesOne = Float32Array.from(output.data as Float32Array, (w, i) =>
        Math.floor((i % (H * D)) / (D * (H / K))) === head ? w : 0,
      )
      inputs[named('o_proj')] = { ...output, data: seesOne }
      const values = { ...inputs, ...evaluate(forward, inputs, { blobs: files }) }
      const given = Object.fromEntries(
        backward.functions[0].inputs.map(({ name, type }) => [
          name,
          values[name] ?? randomTensor(type as TensorType, 9),
        ]),
      )
      const gradients = evaluate(backward, given, { blobs: files })
      for (const part of ['k_proj', 'v_proj']) {
        const { dy } = pairs.find(({ weight }) => weight === named(part))!
        const tensor = gradients[dy.name] ?? given[dy.name]
        const moved = Array.from({ length: K }, (_, own) =>
          rowsOf(tensor.data as Float32Array, S, own, D).some((g) => g !== 0),
        )
        expect(moved, part).toEqual(Array.from({ length: K }, (_, own) => own === head))
      }
    }
  })
})

const runs = (['reference', 'cpu', 'ane-sim'] as const).flatMap((kind) =>
  (['inputs', 'packed', 'baked'] as const).map((binding): [DeviceKind, WeightBinding] => [kind, binding]),
)
const hyper = { learningRate: 0.05, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, step: 1, gradScale: 1 }

describe('changed weights', () => {
  it.each(runs)('take effect in the very next run on %s, %s', async (kind, binding) => {
    const device: Device = await openDevice(kind, {})
    const options = { batchSize: 1, seqLen: 32, dtype: 'fp16', binding, layersPerProgram: 'half' } as const
    const tokens = Array.from({ length: 32 }, (_, i) => (i * 7 + 1) % config.vocab_size)
    const fresh = async (weights: ReadonlyMap<string, Float32Array>) => {
      const step = await createTrainStep(device, config, { ...options, weights: new Map(weights) })
      step.tokens.set(tokens)
      step.targets.set(tokens.map((token) => (token + 1) % config.vocab_size))
      return step
    }
    const step = await fresh(initialWeights(config, 3))
    const losses = [(await step.evaluate()).loss]
    for (let i = 1; i <= 3; i++) {
      step.zeroGradients()
      await step.forwardBackward(1)
      await step.adamw({ ...hyper, step: i })
      losses.push((await step.evaluate()).loss)
      const same = await fresh(new Map([...step.parameters].map(([name, data]) => [name, data.slice()])))
      expect((await same.evaluate()).loss).toBe(losses[i])
      same.dispose()
    }
    expect(new Set(losses).size).toBe(losses.length)
    for (const name of step.parameters.keys()) {
      const before = (await step.evaluate()).loss
      const values = step.parameters.get(name)!
      for (let i = 0; i < values.length; i++) values[i] *= 1.5
      await step.stage()
      expect((await step.evaluate()).loss, name).not.toBe(before)
    }
    step.dispose()
    device.dispose()
  })
})
