import { FormatError } from '../format-error.js'
import { duplicateKey } from './json-keys.js'

/** Element types of the format that can be read and written, with their size in bytes. */
export const safetensorsDtypeBytes = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const

/** Element type as the format spells it. */
export type SafetensorsDtype = keyof typeof safetensorsDtypeBytes

/** Where a tensor is. */
export interface SafetensorsEntry {
  readonly name: string
  readonly dtype: SafetensorsDtype
  readonly shape: readonly number[]
  /** Bytes from the start of the file. */
  readonly offset: number
  readonly bytes: number
}

/** What the header of a safetensors file says. */
export interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>
  readonly metadata: Readonly<Record<string, string>>
}

/** The reference implementation's limit, about twenty times the largest header of a published model. */
export const MAX_HEADER_BYTES = 100_000_000
/** Published tensors have at most six dimensions. */
const MAX_RANK = 16

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/**
 * Parses and checks the JSON header of a file of `fileSize` bytes; `json` are the bytes from 8 on.
 *
 * The tensors must cover the data exactly: no gap, no overlap, nothing left over.
 *
 * @throws {FormatError} with `path` and the byte offset of what is wrong
 */
export function parseSafetensorsHeader(json: Uint8Array, fileSize: number, path?: string): SafetensorsHeader {
  const fail = (message: string, offset = 8, cause?: unknown): never => {
    throw new FormatError(message, { path, offset, cause })
  }
  let text = ''
  let header: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json)
    header = JSON.parse(text)
  } catch (cause) {
    fail('Expected UTF-8 JSON for the safetensors header, got something else.', 8, cause)
  }
  if (!isObject(header)) return fail('Expected an object for the safetensors header, got something else.')
  const duplicate = duplicateKey(text)
  if (duplicate !== undefined) {
    const offset = 8 + Buffer.byteLength(text.slice(0, duplicate.index))
    fail(`Expected unique keys in the safetensors header, got ${JSON.stringify(duplicate.key)} twice.`, offset)
  }

  const dataStart = 8 + json.length
  const dataBytes = fileSize - dataStart
  const metadata: Record<string, string> = {}
  const entries: SafetensorsEntry[] = []
  for (const [name, value] of Object.entries(header)) {
    const what = JSON.stringify(name)
    if (!isObject(value)) return fail(`Expected an object for ${what}, got ${JSON.stringify(value)}.`)
    if (name === '__metadata__') {
      for (const [key, item] of Object.entries(value)) {
        if (typeof item !== 'string') fail(`Expected a string for metadata ${JSON.stringify(key)}.`)
        Object.defineProperty(metadata, key, { value: item, enumerable: true, writable: true, configurable: true })
      }
      continue
    }
    const unknown = Object.keys(value).find((key) => !['dtype', 'shape', 'data_offsets'].includes(key))
    if (unknown !== undefined)
      fail(`Expected dtype, shape and data_offsets for ${what}, got ${JSON.stringify(unknown)}.`)
    const { dtype, shape, data_offsets: range } = value
    if (typeof dtype !== 'string' || !Object.hasOwn(safetensorsDtypeBytes, dtype)) {
      const known = Object.keys(safetensorsDtypeBytes).join(', ')
      return fail(`Expected one of ${known} for the dtype of ${what}, got ${JSON.stringify(dtype)}.`)
    }
    if (!Array.isArray(shape) || shape.length > MAX_RANK || !shape.every(isCount)) {
      return fail(`Expected at most ${MAX_RANK} non-negative integers for the shape of ${what}.`)
    }
    if (!Array.isArray(range) || range.length !== 2 || !range.every(isCount) || range[0] > range[1]) {
      return fail(`Expected an ascending pair of byte offsets for the data_offsets of ${what}.`)
    }
    const bytes =
      shape.reduce((product: number, size: number) => product * size, 1) *
      safetensorsDtypeBytes[dtype as SafetensorsDtype]
    if (!Number.isSafeInteger(bytes) || bytes !== range[1] - range[0]) {
      fail(`Expected ${bytes} bytes [${shape}] ${dtype} for ${what}, got ${range[1] - range[0]}.`)
    }
    if (range[1] > dataBytes) {
      fail(`Expected ${range[1]} bytes of data for ${what}, got ${dataBytes}: the file ends too early.`, fileSize)
    }
    entries.push({
      name,
      dtype: dtype as SafetensorsDtype,
      shape: shape as number[],
      offset: dataStart + range[0],
      bytes,
    })
  }

  let end = dataStart
  for (const entry of [...entries].sort((a, b) => a.offset - b.offset || a.bytes - b.bytes)) {
    const what = JSON.stringify(entry.name)
    if (entry.offset < end) fail(`Expected tensors that do not overlap, got ${what} inside another.`, entry.offset)
    if (entry.offset > end)
      fail(`Expected no gap between tensors, got ${entry.offset - end} bytes before ${what}.`, end)
    end += entry.bytes
  }
  if (end !== fileSize) fail(`Expected the file to end after the last tensor, got ${fileSize - end} more bytes.`, end)
  return { entries: new Map(entries.map((entry) => [entry.name, entry])), metadata }
}
