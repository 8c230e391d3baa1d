/** The folder of test data beside the repository, `../shared`; tests that need it skip visibly in a plain clone. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = path.resolve(fileURLToPath(new URL('../..', import.meta.url)), '../shared')

/** Whether the folder is there. */
export const hasShared = existsSync(folder)

/** A file or folder below it. */
export const sharedPath = (...parts: string[]): string => path.join(folder, ...parts)

/** A parsed JSON file below it. */
export const sharedJson = (...parts: string[]) => JSON.parse(readFileSync(sharedPath(...parts), 'utf8'))
