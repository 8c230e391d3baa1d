import { isUtf8 } from 'node:buffer'
import { open } from 'node:fs/promises'
import { FormatError } from './format-error.js'
import { incompleteTail, malformedAt } from './utf8.js'

const PART = 1 << 20

/**
 * Reads a UTF-8 file in parts of at most 1 MiB that never cut a character; a byte order mark at the start is dropped.
 *
 * @throws {FormatError} with the byte offset of the first malformed byte
 */
export async function* readText(file: string): AsyncGenerator<string> {
  const handle = await open(file)
  try {
    const buffer = Buffer.alloc(PART)
    let held = 0
    let offset = 0
    for (;;) {
      const { bytesRead } = await handle.read(buffer, held, PART - held, null)
      const filled = held + bytesRead
      const complete = bytesRead === 0 ? filled : filled - incompleteTail(buffer.subarray(0, filled))
      const bytes = buffer.subarray(0, complete)
      if (!isUtf8(bytes)) {
        const at = malformedAt(bytes)
        throw new FormatError(`Expected UTF-8, got byte 0x${bytes[at].toString(16)}.`, {
          path: file,
          offset: offset + at,
        })
      }
      const text = bytes.toString('utf8')
      yield offset === 0 && text.startsWith('\ufeff') ? text.slice(1) : text
      if (bytesRead === 0) return
      buffer.copy(buffer, 0, complete, filled)
      held = filled - complete
      offset += complete
    }
  } finally {
    await handle.close()
  }
}
