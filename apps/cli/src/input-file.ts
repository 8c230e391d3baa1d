import { readFileSync } from 'node:fs'
import { UsageError } from './exit.js'

/** Reads a file that a person named. @throws {UsageError} if it cannot be read */
export function readInputFile(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new UsageError(`Expected a readable file at ${path}, got ${(cause as Error).message}.`, { cause })
  }
}
