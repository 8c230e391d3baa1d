import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of shared test data beside the repository; absent in a plain clone. */
export const shared = path.resolve(fileURLToPath(new URL('../../../..', import.meta.url)), 'shared')

/** Whether golden tests can run. */
export const hasShared = existsSync(shared)

/** A file below the shared folder. */
export const sharedPath = (...parts: string[]): string => path.join(shared, ...parts)

/** A parsed JSON file below the shared folder. */
export const sharedJson = (...parts: string[]) => JSON.parse(readFileSync(sharedPath(...parts), 'utf8'))
