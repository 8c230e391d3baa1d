/**
 * A story writer in one file, on public exports only: makes tokens from the built-in stories, trains a tiny model for a minute
 * or so, and writes stories that begin with the words given on the command line.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTrainStep, generate, initialWeights, modelConfig, presets } from '@ane/models'
import { openDevice } from '@ane/runtime'
import { formatDuration, StepTimer } from '@ane/telemetry'
import { prepareData, train, trainingOptions } from '@ane/train'

const steps = Number(process.env.STEPS ?? 300)
const openings = process.argv.slice(2)
const folder = await mkdtemp(join(tmpdir(), 'story-writer-'))
const device = await openDevice('auto')

try {
  const { tokens, tokenizer } = await prepareData({ seed: 1, folder: join(folder, 'data'), vocabSize: 1024 })
  const config = modelConfig({ ...presets.tiny, vocab_size: tokenizer.vocabSize })
  const options = trainingOptions({ maxSteps: steps, seqLen: 128, batchSize: 8, learningRate: 3e-3, warmupSteps: 15 })
  const trainStep = await createTrainStep(device, config, { weights: initialWeights(config, 1), ...options })

  const timer = new StepTimer()
  for await (const event of train({ config, trainStep, tokens, options })) {
    if (event.type === 'eval') console.log(`step ${event.step}: validation loss ${event['eval/loss'].toFixed(3)}`)
    if (event.type !== 'step') continue
    timer.add(event['perf/step_ms'])
    if (event.step % 50 === 0)
      console.log(
        `step ${event.step}: loss ${event['train/loss'].toFixed(3)}, ${formatDuration(timer.remaining(steps - event.step))} left`,
      )
  }

  const model = { config, weights: trainStep.parameters }
  for (const opening of openings.length > 0 ? openings : ['Once upon a time', 'One rainy day']) {
    const ids = tokenizer.encode(opening, { bos: true })
    const story: number[] = []
    for await (const id of generate(device, model, ids, { maxTokens: 120, temperature: 0.7, topP: 0.9, seed: 1 })) {
      if (id === tokenizer.eosId) break
      story.push(id)
    }
    console.log(`\n${opening}${tokenizer.decode(story)}`)
  }
  trainStep.dispose()
  tokens.close()
} finally {
  device.dispose()
  await rm(folder, { recursive: true })
}
