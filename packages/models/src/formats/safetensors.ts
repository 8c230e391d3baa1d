import type { NumericData } from '@ane/mil'
import { FormatError } from '../format-error.js'
import { elementCount } from '../weights.js'
import { writeFileAtomically } from './atomic-write.js'
import { decodeElements, encodeElements, toFloat32 } from './safetensors-elements.js'
import {
  MAX_HEADER_BYTES,
  parseSafetensorsHeader,
  type SafetensorsDtype,
  type SafetensorsEntry,
  type SafetensorsHeader,
  safetensorsDtypeBytes,
} from './safetensors-header.js'
import { WindowedFile } from './windowed-file.js'

/** Elements converted at a time, so that no second copy of a whole tensor is made. */
const CHUNK = 4 << 20

/** A tensor with its numbers: F16 and BF16 as the equal fp32 numbers, 64-bit integers as `BigInt64Array`, bools as 0/1. */
export interface SafetensorsTensor {
  readonly name: string
  readonly dtype: SafetensorsDtype
  readonly shape: readonly number[]
  readonly data: NumericData
}

/** An open safetensors file; tensors are read one at a time. */
export class SafetensorsFile implements SafetensorsHeader {
  private constructor(
    private readonly file: WindowedFile,
    readonly entries: ReadonlyMap<string, SafetensorsEntry>,
    readonly metadata: Readonly<Record<string, string>>,
  ) {}

  /** Opens a file and checks its header completely; the caller closes it. @throws {FormatError} with path and byte offset */
  static async open(path: string): Promise<SafetensorsFile> {
    const file = await WindowedFile.open(path)
    try {
      const length = Number((await file.read(0, 8)).readBigUInt64LE())
      if (length > MAX_HEADER_BYTES || length > file.size - 8) {
        const limit = Math.min(MAX_HEADER_BYTES, file.size - 8)
        throw new FormatError(`Expected at most ${limit} bytes for the header length, got ${length}.`, {
          path,
          offset: 0,
        })
      }
      const { entries, metadata } = parseSafetensorsHeader(await file.read(8, length), file.size, path)
      return new SafetensorsFile(file, entries, metadata)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  get path(): string {
    return this.file.path
  }

  #entry(name: string): SafetensorsEntry {
    const entry = this.entries.get(name)
    if (entry === undefined) throw new FormatError(`Expected a tensor named ${name}, got none.`, { path: this.path })
    return entry
  }

  /** A tensor in its own type. @throws {FormatError} if there is no such tensor or the file ends too early */
  async read(name: string): Promise<SafetensorsTensor> {
    const { dtype, shape, offset, bytes } = this.#entry(name)
    return { name, dtype, shape, data: decodeElements(dtype, await this.file.read(offset, bytes)) }
  }

  /**
   * A tensor's numbers as fp32; F64 and integers beyond 2^24 round to the nearest.
   *
   * @throws {FormatError} if there is no such tensor or the file ends too early
   */
  async readFloat32(name: string): Promise<Float32Array> {
    const { dtype, shape, offset } = this.#entry(name)
    const count = elementCount(shape)
    if (dtype === 'F32') return this.file.readFloat32(offset, count)
    const out = new Float32Array(count)
    const size = safetensorsDtypeBytes[dtype]
    for (let start = 0; start < count; start += CHUNK) {
      const length = Math.min(CHUNK, count - start)
      out.set(toFloat32(decodeElements(dtype, await this.file.read(offset + start * size, length * size))), start)
    }
    return out
  }

  async close(): Promise<void> {
    await this.file.close()
  }
}

/** Reads all tensors of a file in their own types. @throws {FormatError} with path and byte offset */
export async function readSafetensors(path: string): Promise<Map<string, SafetensorsTensor>> {
  const file = await SafetensorsFile.open(path)
  try {
    const tensors = new Map<string, SafetensorsTensor>()
    for (const name of file.entries.keys()) tensors.set(name, await file.read(name))
    return tensors
  } finally {
    await file.close()
  }
}

/**
 * Writes a safetensors file atomically, converting and writing each tensor piece by piece.
 *
 * Numbers are rounded to the given `dtype` (F16 and BF16: nearest even). Larger element types come first, so that every
 * tensor is aligned to its element.
 *
 * @throws {TypeError|RangeError} if a name occurs twice or data does not fit its shape or type
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<SafetensorsTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const sorted = [...tensors].sort((a, b) => safetensorsDtypeBytes[b.dtype] - safetensorsDtypeBytes[a.dtype])
  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [['__metadata__', metadata]] : []
  const names = new Set(['__metadata__'])
  let end = 0
  for (const { name, dtype, shape, data } of sorted) {
    if (names.has(name)) throw new RangeError(`Expected unique tensor names, got ${name} twice or reserved.`)
    names.add(name)
    if (data.length !== elementCount(shape)) {
      throw new RangeError(`Expected ${elementCount(shape)} elements [${shape}] for ${name}, got ${data.length}.`)
    }
    const start = end
    end += data.length * safetensorsDtypeBytes[dtype]
    header.push([name, { dtype, shape, data_offsets: [start, end] }])
  }
  const json = Buffer.from(
    `{${header.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`,
  )
  const start = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ')
  start.writeBigUInt64LE(BigInt(start.length - 8))
  json.copy(start, 8)
  await writeFileAtomically(path, async (file) => {
    await file.writeFile(start)
    for (const { name, dtype, data } of sorted) {
      for (let from = 0; from < data.length; from += CHUNK) {
        await file.writeFile(encodeElements(dtype, data.subarray(from, from + CHUNK), name))
      }
    }
  })
}
