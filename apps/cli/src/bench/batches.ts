/** What timed training steps read. */
import type { TrainStep } from '@ane/models'
import { isShards } from '@ane/tokenizer'
import { epochSampler, prepareData, usedTokens } from '@ane/train'
import { UsageError } from '../exit.js'

/** Fills tokens and targets of the step of a number, which counts from 0. */
export type Batches = (step: TrainStep, index: number) => void

/** Ids below `vocabulary` that differ from step to step. */
export function madeUpBatches(vocabulary: number): Batches {
  return (step, index) => {
    for (let i = 0; i < step.tokens.length; i++) {
      step.tokens[i] = (i * 7919 + index * 104729) % vocabulary
      step.targets[i] = (i * 15485863 + index * 32452843) % vocabulary
    }
  }
}

/** A text as token shards, read as a training run reads it. */
export interface TextBatches {
  /** The text's distinct token ids. */
  readonly used: Int32Array
  /** Starts the text anew; windows of `seqLen` tokens in the seeded order of a first epoch. */
  batches(seqLen: number): Batches
  close(): void
}

/**
 * Opens the token shards that `--data` names.
 *
 * @throws {UsageError} if there are none, or ids beyond `vocabulary`
 */
export async function textBatches(path: string, vocabulary: number): Promise<TextBatches> {
  if (!isShards(path))
    throw new UsageError(
      `Expected token shards for --data, got ${path}. Make them with ane data <text> --out <folder>.`,
    )
  const { tokens } = await prepareData({ data: path, seed: 0, folder: path })
  if (tokens.vocabSize > vocabulary) {
    tokens.close()
    throw new UsageError(
      `Expected token ids below ${vocabulary}, the vocabulary of the model, in --data, got a vocabulary of ${tokens.vocabSize}.`,
    )
  }
  return {
    used: usedTokens(tokens),
    batches(seqLen) {
      const sampler = epochSampler({ trainTokens: tokens.length, seqLen, seed: 0 })
      const window = new Int32Array(seqLen + 1)
      return (step) => {
        const rows = step.tokens.length / seqLen
        for (const [row, start] of sampler.next(rows).entries()) {
          tokens.read(start, window)
          step.tokens.set(window.subarray(0, seqLen), row * seqLen)
          step.targets.set(window.subarray(1), row * seqLen)
        }
      }
    },
    close: () => tokens.close(),
  }
}
