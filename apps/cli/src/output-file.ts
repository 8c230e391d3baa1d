import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { UsageError } from './exit.js'

/**
 * Checks the place of a file to be written before anything is computed.
 *
 * @param inputs files that are read, which the new one must not replace, also through links
 * @throws {UsageError} if the place is a folder, in a folder that does not exist, not writable, or one of the inputs
 */
export function checkOutputFile(flag: string, path: string, inputs: readonly string[] = []): void {
  if (!existsSync(dirname(resolve(path))))
    throw new UsageError(`Expected a file in an existing folder for ${flag}, got ${path}. Make the folder first.`)
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new UsageError(`Expected a file for ${flag}, got the folder ${path}.`)
  const target = existsSync(path) ? path : dirname(resolve(path))
  try {
    accessSync(target, constants.W_OK)
  } catch (cause) {
    throw new UsageError(`Expected a file that can be written for ${flag}, got ${path}: ${(cause as Error).message}.`, {
      cause,
    })
  }
  const replaced = inputs.find((input) => sameFile(input, path))
  if (replaced !== undefined)
    throw new UsageError(`Expected another file than ${replaced}, which is needed, for ${flag}, got ${path}.`)
}

function sameFile(a: string, b: string): boolean {
  const [left, right] = [a, b].map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }))
  return left && right ? left.dev === right.dev && left.ino === right.ino : resolve(a) === resolve(b)
}
