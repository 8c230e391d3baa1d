import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'

const temporaryName = (target: string, kind: string): string =>
  path.join(path.dirname(target), `.${path.basename(target)}.${kind}-${process.pid}-${randomBytes(4).toString('hex')}`)

async function syncPath(target: string): Promise<void> {
  const handle = await open(target, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Writes a file so that `target` is either the old file or the complete new one: a temporary file beside it, fsync, rename.
 *
 * @throws what `write` or the file system throws, with the temporary file removed
 */
export async function writeFileAtomically(target: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const temporary = temporaryName(target, 'tmp')
  try {
    const file = await open(temporary, 'wx')
    try {
      await write(file)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, target)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncPath(path.dirname(target))
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const target = path.join(folder, entry.name)
    await (entry.isDirectory() ? syncTree(target) : syncPath(target))
  }
  await syncPath(folder)
}

/**
 * Writes a whole folder so that `folder` never exists half-written: `write` fills a temporary folder beside it, everything
 * is fsynced, then renamed into place.
 *
 * With `replace`, an existing folder is set aside by one rename, and removed only after the new one is in place.
 *
 * @throws {Error} if `folder` exists and `replace` is not set; what `write` or the file system throws, with the temporary
 * folder removed
 */
export async function writeFolderAtomically(
  folder: string,
  write: (temporary: string) => Promise<void>,
  options: { replace?: boolean } = {},
): Promise<void> {
  const target = path.resolve(folder)
  const refuse = () => new Error(`Expected a new folder for the output, got the existing ${folder}.`)
  if (!options.replace && existsSync(target)) throw refuse()
  await mkdir(path.dirname(target), { recursive: true })
  const temporary = temporaryName(target, 'tmp')
  const previous = temporaryName(target, 'old')
  try {
    await mkdir(temporary)
    await write(temporary)
    await syncTree(temporary)
    if (existsSync(target)) {
      if (!options.replace) throw refuse()
      await rename(target, previous)
    }
    try {
      await rename(temporary, target)
    } catch (error) {
      if (existsSync(previous)) await rename(previous, target)
      throw error
    }
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    throw error
  }
  await syncPath(path.dirname(target))
  await rm(previous, { recursive: true, force: true })
}
