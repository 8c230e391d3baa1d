import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { listCheckpoints } from './checkpoint.js'
import { RunError } from './errors.js'

const RUN = 'run.json'

/** What `run.json` says: enough to start the run again and to know what it was. */
export interface RunDescription {
  version: 1
  created: string
  /** The options as the user resolved them, by their names on disk. */
  options: Record<string, unknown>
  /** Facts found at start: device, parameters, tokens, versions. */
  facts: Record<string, unknown>
}

export const metricsPath = (runFolder: string): string => join(runFolder, 'metrics.jsonl')

/**
 * Makes sure a new run would overwrite nothing.
 *
 * @throws {RunError} `RUN_EXISTS` if the folder holds a run or anything else
 */
export function expectNewRun(folder: string): void {
  if (!existsSync(folder)) return
  if (!statSync(folder).isDirectory())
    throw new RunError('RUN_EXISTS', `Expected a folder for the output, got the file ${folder}.`)
  const found = readdirSync(folder).filter((name) => name !== 'run.lock')
  if (found.length === 0) return
  throw new RunError(
    'RUN_EXISTS',
    existsSync(join(folder, RUN))
      ? `Expected a new folder for the output, got ${folder}, which holds a run. Continue it with --resume ${folder} or choose another --output-dir.`
      : `Expected a new or empty folder for the output, got ${folder} with ${found.length} entries. Choose another --output-dir.`,
  )
}

export function writeRun(folder: string, description: RunDescription): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, RUN), `${JSON.stringify(description, null, 2)}\n`)
}

/** @throws {RunError} `RUN_NOT_FOUND` if there is no readable `run.json` */
export function readRun(folder: string): RunDescription {
  try {
    const run = JSON.parse(readFileSync(join(folder, RUN), 'utf8')) as RunDescription
    if (run.version === 1) return run
  } catch (cause) {
    throw new RunError('RUN_NOT_FOUND', `Expected a run folder with run.json, got ${folder}.`, { cause })
  }
  throw new RunError('RUN_NOT_FOUND', `Expected run.json of version 1 in ${folder}, got another.`)
}

/**
 * The run folder and the newest checkpoint to continue from: `target` is a run folder, a checkpoint inside one, or a folder of
 * runs, whose latest is taken.
 *
 * @throws {RunError} `RUN_NOT_FOUND` if there is none
 */
export async function findResume(target: string): Promise<{ runFolder: string; checkpoint: string; step: number }> {
  const parent = join(target, '..')
  if (existsSync(join(target, 'trainer_state.json')) && existsSync(join(parent, RUN))) {
    const own = (await listCheckpoints(parent)).find(({ path }) => sameFile(path, target))
    if (own) return { runFolder: parent, checkpoint: own.path, step: own.step }
  }
  if (existsSync(join(target, RUN))) {
    const last = (await listCheckpoints(target)).at(-1)
    if (last) return { runFolder: target, checkpoint: last.path, step: last.step }
    throw new RunError('RUN_NOT_FOUND', `Expected a checkpoint to resume from, got none in ${target}.`)
  }
  const runs = existsSync(target) ? readdirSync(target).map((name) => join(target, name)) : []
  const candidates = runs
    .filter((folder) => existsSync(join(folder, RUN)))
    .sort((a, b) => statSync(join(b, RUN)).mtimeMs - statSync(join(a, RUN)).mtimeMs)
  for (const folder of candidates) if ((await listCheckpoints(folder)).length > 0) return findResume(folder)
  throw new RunError('RUN_NOT_FOUND', `Expected a run to resume, got none in ${target}. Start one with ane train.`)
}

function sameFile(a: string, b: string): boolean {
  const [left, right] = [statSync(a), statSync(b)]
  return left.ino === right.ino && left.dev === right.dev
}
