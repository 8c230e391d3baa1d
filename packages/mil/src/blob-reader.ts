import {
  alignBlob,
  BLOB_ALIGNMENT,
  BLOB_SENTINEL,
  BLOB_VERSION,
  type BlobRecord,
  blobDtype,
  payloadBytes,
} from './blob.js'
import { DTYPES } from './dtypes.js'
import { FormatError } from './format-error.js'
import type { Dtype, NumericData } from './ir.js'
import { decodePayload } from './payload.js'

const LFS_POINTER = 'version https://git-lfs'

/** What the reader of a record expects, and how strict it is. */
export interface ReadBlobOptions {
  /** Element type the program declares; the record's has to be equal. */
  dtype?: Dtype
  /** Number of elements the program declares; the payload has to hold exactly these. */
  elements?: number
  /**
   * Believes `dtype` and `elements` (both needed) rather than the record, and takes a payload position of 0 for the
   * bytes after the record: some files in circulation have such records.
   */
  lenient?: boolean
  /** File name for errors. */
  path?: string
}

/**
 * Reads one record of a weight file with its elements, which are a copy.
 *
 * @param offset position of the record in bytes, as in `BLOBFILE(offset = …)`
 * @throws {FormatError} with the byte offset if the record is damaged or not what was expected
 * @throws {TypeError} if `lenient` is given without `dtype` and `elements`
 */
export function readBlob(
  bytes: Uint8Array,
  offset: number,
  options: ReadBlobOptions = {},
): BlobRecord & { readonly data: NumericData } {
  const record = readBlobRecord(bytes, offset, options)
  return { ...record, data: decodePayload(record.dtype, record.payload, record.elements) }
}

/**
 * Reads one record of a weight file without decoding its payload, which is a view of `bytes`.
 *
 * @throws {FormatError} with the byte offset if the record is damaged or not what was expected
 * @throws {TypeError} if `lenient` is given without `dtype` and `elements`
 */
export function readBlobRecord(bytes: Uint8Array, offset: number, options: ReadBlobOptions = {}): BlobRecord {
  const { path, lenient = false } = options
  if (lenient && (options.dtype === undefined || options.elements === undefined)) {
    throw new TypeError('Expected dtype and elements for a lenient reading, got neither or one.')
  }
  const fail = (message: string, at = offset) => new FormatError(message, { path, offset: at })
  const view = viewOf(bytes)
  if (!lenient) checkHeader(bytes, view, path)
  else checkPointer(bytes, path)
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + BLOB_ALIGNMENT > bytes.length) {
    throw fail(`Expected a record of ${BLOB_ALIGNMENT} bytes within the file, got a file of ${bytes.length} bytes.`)
  }
  const sentinel = view.getUint32(offset, true)
  if (sentinel !== BLOB_SENTINEL) {
    const hint = offset === 0 || offset === 128 ? ' The first record of a file is at 64.' : ''
    throw fail(`Expected 0xdeadbeef at the start of a record, got 0x${sentinel.toString(16)}.${hint}`)
  }
  const code = view.getUint32(offset + 4, true)
  const dtype = lenient ? options.dtype : blobDtype(code)
  if (!dtype) throw fail(`Expected an element type code from 1 to 17 for a record, got ${code}.`, offset + 4)
  if (options.dtype && dtype !== options.dtype) {
    throw fail(`Expected ${options.dtype} elements for a record, got ${dtype}.`, offset + 4)
  }
  const size = lenient ? payloadBytes(dtype, options.elements!) : Number(view.getBigUint64(offset + 8, true))
  const stored = Number(view.getBigUint64(offset + 16, true))
  const payloadOffset = lenient && stored === 0 ? offset + BLOB_ALIGNMENT : stored
  if (!Number.isSafeInteger(payloadOffset + size) || payloadOffset + size > bytes.length) {
    throw fail(
      `Expected a payload within the ${bytes.length} bytes of the file, got ${size} bytes at ${payloadOffset}.`,
      offset + 8,
    )
  }
  if (!lenient && payloadOffset < BLOB_ALIGNMENT) {
    throw fail(`Expected a payload after the file header, got one at ${payloadOffset}.`, offset + 16)
  }
  const padding = lenient ? 0 : paddingBits(view, dtype, size, offset, fail)
  const elements = options.elements ?? (8 * size - padding) / DTYPES[dtype].bits
  if (size !== payloadBytes(dtype, elements) || !Number.isInteger(elements)) {
    throw fail(
      `Expected ${payloadBytes(dtype, elements)} bytes for ${elements} ${dtype} elements, got ${size}.`,
      offset + 8,
    )
  }
  return { dtype, offset, payloadOffset, elements, payload: bytes.subarray(payloadOffset, payloadOffset + size) }
}

/**
 * Reads all records of a weight file in order; payloads are views of `bytes`.
 *
 * @throws {FormatError} with the byte offset of the first damaged record
 */
export function readBlobRecords(bytes: Uint8Array, options: { path?: string } = {}): BlobRecord[] {
  const view = viewOf(bytes)
  const count = checkHeader(bytes, view, options.path)
  const records: BlobRecord[] = []
  let offset = BLOB_ALIGNMENT
  for (let i = 0; i < count; i++) {
    const record = readBlobRecord(bytes, offset, options)
    records.push(record)
    const next = alignBlob(record.payloadOffset + record.payload.length)
    if (next <= offset)
      throw new FormatError('Expected a payload after its record, got one before.', { ...options, offset })
    offset = next
  }
  return records
}

type Fail = (message: string, at?: number) => FormatError

/** Unused bits at the end of a sub-byte payload. Files written before these types existed hold garbage there. */
function paddingBits(view: DataView, dtype: Dtype, size: number, offset: number, fail: Fail): number {
  const { bits } = DTYPES[dtype]
  if (bits >= 8) return 0
  const padding = Number(view.getBigUint64(offset + 24, true))
  if (padding > 7 || padding > 8 * size || (8 * size - padding) % bits !== 0) {
    throw fail(`Expected a whole number of ${dtype} elements for a record, got ${padding} padding bits.`, offset + 24)
  }
  return padding
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function checkPointer(bytes: Uint8Array, path: string | undefined): void {
  if (String.fromCharCode(...bytes.subarray(0, LFS_POINTER.length)) !== LFS_POINTER) return
  throw new FormatError('Expected a weight file, got a Git LFS pointer. Fetch the file with git lfs pull.', {
    path,
    offset: 0,
  })
}

/** Checks the file header and returns the number of records it states. */
function checkHeader(bytes: Uint8Array, view: DataView, path: string | undefined): number {
  checkPointer(bytes, path)
  if (bytes.length < BLOB_ALIGNMENT) {
    throw new FormatError(`Expected a header of ${BLOB_ALIGNMENT} bytes, got ${bytes.length} bytes.`, {
      path,
      offset: 0,
    })
  }
  const version = view.getUint32(4, true)
  if (version !== BLOB_VERSION) {
    throw new FormatError(`Expected ${BLOB_VERSION} for the version of a weight file, got ${version}.`, {
      path,
      offset: 4,
    })
  }
  return view.getUint32(0, true)
}
