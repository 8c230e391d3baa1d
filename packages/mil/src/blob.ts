/** The layout of weight files: a 64-byte header, then records of 64 bytes, each followed by its payload. */

import { DTYPES } from './dtypes.js'
import type { Dtype } from './ir.js'

/** Byte alignment of records and payloads. */
export const BLOB_ALIGNMENT = 64

/** Version in the file header. */
export const BLOB_VERSION = 2

/** First four bytes of every record, as a little-endian integer. */
export const BLOB_SENTINEL = 0xdeadbeef

/** Element types by the code in a record. */
const BLOB_DTYPES: readonly (Dtype | undefined)[] = [
  undefined,
  'fp16',
  'fp32',
  'uint8',
  'int8',
  'bf16',
  'int16',
  'uint16',
  'int4',
  'uint1',
  'uint2',
  'uint4',
  'uint3',
  'uint6',
  'int32',
  'uint32',
  'fp8e4m3fn',
  'fp8e5m2',
]

/** One record of a weight file and its payload. */
export interface BlobRecord {
  readonly dtype: Dtype
  /** Position of the record in the file, in bytes: the number `BLOBFILE(offset = …)` names. */
  readonly offset: number
  /** Position of the payload in the file, in bytes. */
  readonly payloadOffset: number
  /** Number of elements in the payload. */
  readonly elements: number
  /** The stored bytes; a view of the file's. */
  readonly payload: Uint8Array
}

/** Returns the code of a dtype in a record, undefined if weight files cannot hold it. */
export function blobDtypeCode(dtype: Dtype): number | undefined {
  const code = BLOB_DTYPES.indexOf(dtype)
  return code > 0 ? code : undefined
}

/** Returns the dtype of a code in a record, undefined if there is none. */
export function blobDtype(code: number): Dtype | undefined {
  return BLOB_DTYPES[code]
}

/** Returns the bytes that hold this many elements; those of sub-byte types are packed. */
export function payloadBytes(dtype: Dtype, elements: number): number {
  return Math.ceil((elements * DTYPES[dtype].bits) / 8)
}

/** Rounds a file position up to where a record may begin. */
export function alignBlob(position: number): number {
  return Math.ceil(position / BLOB_ALIGNMENT) * BLOB_ALIGNMENT
}
