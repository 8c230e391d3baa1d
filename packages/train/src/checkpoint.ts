import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { readdir, readlink, rename, rm, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import {
  elementCount,
  FormatError,
  type ModelConfig,
  SafetensorsFile,
  saveModelFolder,
  type Weights,
  weightShapes,
  writeSafetensors,
} from '@ane/models'
import type { LossScaleState } from '@ane/optim'
import { RunError } from './errors.js'
import type { SamplerState } from './sampler.js'

/** Everything besides weights and moments that the next step depends on, or that the user would miss after resuming. */
export interface TrainerState {
  version: 1
  /** Steps done, skipped ones included. */
  step: number
  /** Optimizer updates done. */
  updates: number
  tokens: number
  sampler: SamplerState
  lossScale: LossScaleState
  smoothedLoss: { sum: number; weight: number }
  /** Lowest validation loss so far and the checkpoint that has it. */
  bestEvalLoss: number | null
  bestCheckpoint: string | null
  /** Validations since the best one. */
  evalsSinceBest: number
  /** Steps skipped since the last good one. */
  skippedInARow: number
}

/** First and second moments by weight name. */
export interface Moments {
  readonly m: ReadonlyMap<string, Float32Array>
  readonly v: ReadonlyMap<string, Float32Array>
}

const STATE = 'trainer_state.json'
const OPTIMIZER = 'optimizer.safetensors'
const PREFIX = 'checkpoint-'

/** The folder of a step's checkpoint inside a run folder. */
export const checkpointPath = (runFolder: string, step: number): string => join(runFolder, `${PREFIX}${step}`)

/**
 * Writes a checkpoint: a Hugging Face model folder with `optimizer.safetensors` and `trainer_state.json` beside the model.
 * It appears under its name only when all of it is on disk.
 *
 * @param content `suppressTokens` are ids that samplers have to leave out
 * @param addFiles writes further files (the tokenizer) into the folder it is given
 * @throws {RunError} `SAVE_FAILED` with the cause; nothing that existed is harmed
 */
export async function saveCheckpoint(
  path: string,
  content: { config: ModelConfig; weights: Weights; moments: Moments; state: TrainerState; suppressTokens?: number[] },
  addFiles?: (folder: string) => void | Promise<void>,
): Promise<void> {
  const { config, weights, moments, state, suppressTokens = [] } = content
  const extras = async (folder: string) => {
    const tensors = [...weightShapes(config)].flatMap(([name, shape]) =>
      (['m', 'v'] as const).map((which) => ({
        name: momentName(name, which),
        dtype: 'F32' as const,
        shape,
        data: moments[which].get(name)!,
      })),
    )
    await writeSafetensors(join(folder, OPTIMIZER), tensors)
    const file = openSync(join(folder, STATE), 'wx')
    writeSync(file, `${JSON.stringify(state, null, 2)}\n`)
    fsyncSync(file)
    closeSync(file)
    await addFiles?.(folder)
  }
  try {
    const generationConfig = suppressTokens.length > 0 ? { suppress_tokens: suppressTokens } : {}
    await saveModelFolder(path, { config, weights, generationConfig, extras }, { replace: true })
  } catch (error) {
    throw new RunError('SAVE_FAILED', `Could not save ${path}: ${(error as Error).message}`, { cause: error })
  }
}

const momentName = (name: string, which: 'm' | 'v'): string => `${name}.${which === 'm' ? 'exp_avg' : 'exp_avg_sq'}`

/**
 * Reads the training state of a checkpoint into existing moments.
 *
 * @throws {FormatError} if a file is damaged or does not fit the model
 */
export async function loadTrainingState(path: string, config: ModelConfig, moments: Moments): Promise<TrainerState> {
  const state = readTrainerState(path)
  const file = await SafetensorsFile.open(join(path, OPTIMIZER))
  try {
    for (const [name, shape] of weightShapes(config))
      for (const which of ['m', 'v'] as const) {
        const data = await file.readFloat32(momentName(name, which))
        if (data.length !== elementCount(shape))
          throw new FormatError(
            `Expected ${elementCount(shape)} elements for ${momentName(name, which)}, got ${data.length}.`,
            { path: join(path, OPTIMIZER) },
          )
        moments[which].get(name)!.set(data)
      }
  } finally {
    await file.close()
  }
  return state
}

/** @throws {FormatError} if the file is missing, not JSON or of another version */
export function readTrainerState(path: string): TrainerState {
  const file = join(path, STATE)
  let state: TrainerState
  try {
    state = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new FormatError('Expected a trainer state to resume from, got none that can be read.', { path: file, cause })
  }
  if (state?.version !== 1 || !Number.isSafeInteger(state.step) || !Number.isSafeInteger(state.updates))
    throw new FormatError(`Expected a trainer state of version 1, got ${JSON.stringify(state)?.slice(0, 80)}.`, {
      path: file,
    })
  return state
}

/** Checkpoints of a run folder, oldest first; folders without a trainer state are not counted. */
export async function listCheckpoints(runFolder: string): Promise<{ step: number; path: string }[]> {
  if (!existsSync(runFolder)) return []
  return (await readdir(runFolder))
    .filter((name) => /^checkpoint-\d+$/.test(name) && existsSync(join(runFolder, name, STATE)))
    .map((name) => ({ step: Number(name.slice(PREFIX.length)), path: join(runFolder, name) }))
    .sort((a, b) => a.step - b.step)
}

/** Removes all but the last `keep` checkpoints; the best one always stays. */
export async function pruneCheckpoints(runFolder: string, keep: number, best: string | null): Promise<void> {
  const old = (await listCheckpoints(runFolder)).slice(0, -keep)
  for (const { path } of old) if (basename(path) !== best) await rm(path, { recursive: true })
}

/** Points `<run>/best` at a checkpoint of the run, in one step. */
export async function linkBest(runFolder: string, checkpoint: string): Promise<void> {
  const link = join(runFolder, 'best')
  if ((await readlink(link).catch(() => undefined)) === checkpoint) return
  const temporary = join(runFolder, `.best-${process.pid}`)
  await rm(temporary, { force: true })
  await symlink(checkpoint, temporary)
  await rename(temporary, link)
}
