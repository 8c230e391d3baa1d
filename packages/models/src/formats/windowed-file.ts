import { type FileHandle, open } from 'node:fs/promises'
import { FormatError } from '../format-error.js'

/** Bytes read at a time from tensor data. */
const WINDOW = 16 << 20

/** A file read in pieces, so that files larger than memory or than a `Buffer` work. */
export class WindowedFile {
  private constructor(
    readonly path: string,
    readonly size: number,
    private readonly handle: FileHandle,
  ) {}

  /** Opens a regular file; the caller closes it. @throws the file system's error, or FormatError for a folder or device */
  static async open(path: string): Promise<WindowedFile> {
    const handle = await open(path, 'r')
    const stats = await handle.stat()
    if (!stats.isFile()) {
      await handle.close()
      throw new FormatError('Expected a regular file.', { path })
    }
    return new WindowedFile(path, stats.size, handle)
  }

  /** Exactly `length` bytes from `offset` on. @throws {FormatError} if the file ends before */
  async read(offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length)
    await this.readInto(bytes, offset)
    return bytes
  }

  /** Fills `bytes` from `offset` on. @throws {FormatError} if the file ends before */
  async readInto(bytes: Uint8Array, offset: number): Promise<void> {
    let done = 0
    while (done < bytes.length) {
      const length = Math.min(bytes.length - done, WINDOW)
      const { bytesRead } = await this.handle.read(bytes, done, length, offset + done)
      if (bytesRead === 0) {
        throw new FormatError(`Expected ${bytes.length} bytes, got ${done}: the file ends too early.`, {
          path: this.path,
          offset: offset + done,
        })
      }
      done += bytesRead
    }
  }

  /** Little-endian fp32 numbers from `offset` on. @throws {FormatError} if the file ends before */
  async readFloat32(offset: number, count: number): Promise<Float32Array> {
    const data = new Float32Array(count)
    await this.readInto(new Uint8Array(data.buffer), offset)
    return data
  }

  async close(): Promise<void> {
    await this.handle.close()
  }
}
