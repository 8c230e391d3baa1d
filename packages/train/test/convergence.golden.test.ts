import { readFileSync } from 'node:fs'
import {
  createTrainStep,
  interleavedToHalf,
  isRotated,
  loadCheckpoint,
  type ModelConfig,
  readSafetensors,
  type Weights,
  weightShapes,
} from '@ane/models'
import { openDevice } from '@ane/runtime'
import { openShards } from '@ane/tokenizer'
import { describe, expect, it } from 'vitest'
import { hasShared, sharedJson, sharedPath } from '../../../test/shared/folder.js'
import { type GoldenConfig, goldenConfig } from '../../../test/shared/golden-config.js'
import {
  type CurveTolerance,
  curveTolerances,
  type MathMode,
  mathModes,
  toleranceOf,
} from '../../../test/shared/tolerances.js'
import { type Sampler, type TokenSource, tokensInMemory, train, trainingOptions } from '../src/index.js'

const golden = (file: string) => sharedPath('golden/convergence', file)

interface Golden {
  spec: {
    tokens: string
    token_stream?: string
    start_weights?: string
    model: GoldenConfig
    train: Record<string, number> & { betas: [number, number] }
  }
  data: { n_tokens: number; n_train: number; val_starts: number[]; first_starts: number[] }
  results: Record<string, { loss: number[]; grad_norm: number[]; lr: number[]; val: [step: number, loss: number][] }>
}

/** The window starts of the golden runs: a linear congruential generator (README of the goldens). */
function goldenSampler(seed: number, trainTokens: number, seqLen: number): Sampler {
  let x = seed
  return {
    next: (rows) =>
      Array.from({ length: rows }, () => {
        x = Number((1664525n * BigInt(x) + 1013904223n) % 4294967296n)
        return Math.floor((x * (trainTokens - seqLen)) / 4294967296)
      }),
    state: () => ({ x }),
    load: (state) => {
      x = state.x
    },
  }
}

async function startOf(name: string, config: ModelConfig): Promise<{ weights: Weights; tokens: TokenSource }> {
  if (name === 'finetune-stories260K') {
    const { weights } = await loadCheckpoint(sharedPath('data/stories260K/stories260K.bin'))
    const shards = openShards(golden('tinystories_tok512.u16.bin'), { header: false, vocabSize: 512 })
    const tokens = tokensInMemory(shards.read(0, shards.tokens), 512)
    shards.close()
    return { weights, tokens }
  }
  const tensors = await readSafetensors(golden(`${name}.init.safetensors`))
  const weights: Weights = new Map()
  for (const [weight, shape] of weightShapes(config)) {
    const data = Float32Array.from(tensors.get(weight)!.data as ArrayLike<number>)
    weights.set(weight, isRotated(weight) ? interleavedToHalf(data, config.head_dim, shape[1]) : data)
  }
  return { weights, tokens: tokensInMemory(readFileSync(sharedPath('data/text/tinyshakespeare.txt')), 256) }
}

/** Losses of every step and validations by step. */
interface Curve {
  readonly losses: readonly number[]
  readonly validations: ReadonlyMap<number, number>
}

/** Trains from the golden start; any other `variant` than 0 changes the last bits of a few weights of it. */
async function trained(name: string, dtype: 'fp16' | 'fp32', math: MathMode, variant: number): Promise<Curve> {
  const { spec, data, results }: Golden = sharedJson('golden/convergence', `${name}.json`)
  const config = goldenConfig(spec.model)
  const { weights, tokens } = await startOf(name, config)
  expect(tokens.length).toBe(data.n_tokens)
  for (const values of weights.values()) values[variant] *= 1 + variant * 2 ** -20
  const steps = results.fp64.loss.length
  const { batch, lr, min_lr, warmup, decay, betas, eps, weight_decay, clip, val_every } = spec.train
  const seqLen = spec.model.seq
  const options = trainingOptions({
    maxSteps: steps,
    seqLen,
    batchSize: batch,
    learningRate: lr,
    minLrRatio: min_lr / lr,
    warmupSteps: warmup,
    decaySteps: decay,
    adamBeta1: betas[0],
    adamBeta2: betas[1],
    adamEpsilon: eps,
    weightDecay: weight_decay,
    maxGradNorm: clip,
    lossScale: dtype === 'fp16' ? spec.train.loss_scale_fp16 : 1,
    evalSteps: val_every,
  })
  const device = await openDevice('cpu', { math })
  const trainStep = await createTrainStep(device, config, { weights, batchSize: batch, seqLen, dtype })
  const sampler = goldenSampler(spec.train.data_seed, data.n_train, seqLen)
  const losses: number[] = []
  const validations = new Map<number, number>()
  for await (const event of train({ config, trainStep, tokens, options, sampler, evalStarts: data.val_starts })) {
    if (event.type === 'step') losses.push(event['train/loss'])
    if (event.type === 'eval') validations.set(event.step, event['eval/loss'])
  }
  trainStep.dispose()
  device.dispose()
  return { losses, validations }
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/** How far the mean of the curves lies from the golden one. */
function distance(name: string, curves: readonly Curve[]): CurveTolerance {
  const { results }: Golden = sharedJson('golden/convergence', `${name}.json`)
  const { loss, val } = results.fp64
  const losses = loss.map((_, i) => mean(curves.map((curve) => curve.losses[i])))
  const worst = (from: number, to: number) =>
    Math.max(...losses.slice(from, to).map((value, i) => Math.abs(value - loss[from + i])))
  return {
    first20: worst(0, 20),
    all: worst(0, losses.length),
    last20: Math.abs(mean(losses.slice(-20)) - mean(loss.slice(-20))),
    validation: Math.max(
      ...val.map(([step, value]) =>
        Math.abs(mean(curves.map(({ validations }) => validations.get(step) ?? Number.NaN)) - value),
      ),
    ),
  }
}

/**
 * Starts in each mode. Training amplifies rounding: with bf16 products the last bits of the start move single losses by
 * as much as the mode does, which a mean shows less of.
 */
const variants: Readonly<Record<MathMode, number>> = { exact: 1, fast: 3 }

describe.skipIf(!hasShared)('loss curves of PyTorch (need ../shared)', () => {
  const curves = [
    ['bytes-mha-288', 'scratch'],
    ['finetune-stories260K', 'finetune'],
  ] as const
  const dtypes = ['fp32', 'fp16'] as const
  const cases = curves.flatMap(([name, start]) =>
    dtypes.flatMap((dtype) => mathModes.map((math) => [name, dtype, math, start] as const)),
  )
  it.each(cases)('follows the fp64 curve of %s in %s, %s', { timeout: 240_000 }, async (name, dtype, math, start) => {
    const curves: Curve[] = []
    for (let variant = 0; variant < variants[math]; variant++) curves.push(await trained(name, dtype, math, variant))
    const off = distance(name, curves)
    const allowed = toleranceOf(curveTolerances[start], math, dtype)
    for (const part of Object.keys(allowed) as (keyof CurveTolerance)[]) {
      expect(off[part], part).toBeLessThan(allowed[part])
    }
  })
})
