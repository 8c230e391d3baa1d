/** Reading the weight files a program names. */
import { type FileHandle, open, realpath } from 'node:fs/promises'
import path from 'node:path'
import { blobPaths, FormatError, type Program, relativeBlobPath } from '@ane/mil'

const maxFileBytes = 2 ** 32 - 1
const chunkBytes = 2 ** 30 // one read call returns less than 2 GiB

/**
 * Reads every weight file a program names from the folder `@model_path` stands for.
 *
 * @returns the whole files, by the path the program spells
 * @throws {FormatError} if a file is missing, unreadable, not a regular file or outside the folder, links followed
 */
export async function loadBlobs(program: Program, modelPath: string): Promise<Map<string, Uint8Array>> {
  const blobs = new Map<string, Uint8Array>()
  for (const spelled of blobPaths(program)) blobs.set(spelled, await loadBlob(spelled, modelPath))
  return blobs
}

async function loadBlob(spelled: string, modelPath: string): Promise<Uint8Array> {
  const file = await resolveInside(spelled, modelPath)
  let handle: FileHandle | undefined
  try {
    handle = await open(file, 'r')
    const stats = await handle.stat()
    if (!stats.isFile()) throw new FormatError('Expected a regular file for weights.', { path: file })
    if (stats.size > maxFileBytes) {
      throw new FormatError(`Expected less than 4 GiB for weights, got ${stats.size} bytes.`, { path: file })
    }
    return await readWhole(handle, stats.size, file)
  } catch (cause) {
    throw fileError(cause, file)
  } finally {
    await handle?.close()
  }
}

/** The real path of a file; links may not lead out of the folder either. */
async function resolveInside(spelled: string, modelPath: string): Promise<string> {
  const relative = relativeBlobPath(spelled)
  const file = path.resolve(modelPath, relative)
  let root: string
  let real: string
  try {
    root = await realpath(modelPath)
    real = await realpath(file)
  } catch (cause) {
    throw fileError(cause, file)
  }
  const inside = path.relative(root, real)
  if (path.isAbsolute(relative) || inside === '' || inside.split(path.sep)[0] === '..' || path.isAbsolute(inside)) {
    throw new FormatError(`Expected a file below ${modelPath} for ${spelled}, got one outside.`, { path: real })
  }
  return real
}

async function readWhole(handle: FileHandle, size: number, file: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(size)
  let done = 0
  while (done < size) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(chunkBytes, size - done), done)
    if (bytesRead === 0) throw new FormatError(`Expected ${size} bytes, got ${done}.`, { path: file, offset: done })
    done += bytesRead
  }
  return bytes
}

function fileError(cause: unknown, file: string): FormatError {
  if (cause instanceof FormatError) return cause
  const { code } = cause as NodeJS.ErrnoException
  const reason = code === 'ENOENT' ? 'no such file' : (code ?? String(cause))
  return new FormatError(`Expected a readable weight file, got ${reason}.`, { path: file, cause })
}
