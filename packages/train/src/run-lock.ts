import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { RunError } from './errors.js'

const NAME = 'run.lock'

/**
 * Claims a run folder for this process; a claim of a process that is gone is taken over.
 *
 * @returns a function that gives the folder free again
 * @throws {RunError} `RUN_LOCKED` if a living process holds it; what the file system throws if it cannot be written
 */
export function lockRun(folder: string): () => void {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, NAME)
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = openSync(path, 'wx')
      writeSync(file, JSON.stringify({ pid: process.pid, host: hostname(), started: startTime(process.pid) }))
      closeSync(file)
      return () => rmSync(path, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const holder = readHolder(path)
      if (holder && isAlive(holder))
        throw new RunError(
          'RUN_LOCKED',
          `Expected a free run folder, got ${folder}, in use by process ${holder.pid} on ${holder.host}. Choose another --output-dir.`,
          { cause: error },
        )
      rmSync(path, { force: true })
    }
  }
  throw new RunError('RUN_LOCKED', `Expected a free run folder, got ${folder}, which another process keeps claiming.`)
}

interface Holder {
  pid: number
  host: string
  started: string | null
}

function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder
  } catch {
    return undefined
  }
}

/** A process on another host is taken to be alive: there is no way to tell. */
function isAlive(holder: Holder): boolean {
  if (holder.host !== hostname()) return true
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  return holder.started === startTime(holder.pid)
}

/** Start time in clock ticks since boot, which tells a process from a later one of the same number; `null` off Linux. */
function startTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return null
  }
}
