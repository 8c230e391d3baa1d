import { existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { listCheckpoints, RunError } from '@ane/train'
import { UsageError } from './exit.js'

/**
 * The checkpoint a path stands for: of a run folder its best one, else its last; anything else is itself.
 *
 * @throws {UsageError} if nothing is there
 * @throws {RunError} if a run has no checkpoint yet
 */
export async function checkpointOf(target: string): Promise<string> {
  if (!existsSync(target)) throw new UsageError(`Expected a run or a checkpoint, got ${target}, which does not exist.`)
  if (!existsSync(join(target, 'run.json'))) return target
  if (existsSync(join(target, 'best'))) return realpathSync(join(target, 'best'))
  const last = (await listCheckpoints(target)).at(-1)
  if (last) return last.path
  throw new RunError('RUN_NOT_FOUND', `Expected a checkpoint in the run ${target}, got none yet.`)
}
