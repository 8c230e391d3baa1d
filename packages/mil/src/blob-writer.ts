import { alignBlob, BLOB_ALIGNMENT, BLOB_SENTINEL, BLOB_VERSION, blobDtypeCode } from './blob.js'
import { DTYPES } from './dtypes.js'
import type { Dtype } from './ir.js'
import { encodePayload } from './payload.js'

/** Elements to write: floats as numbers (rounded to `dtype`), sub-byte integers one per element. */
export interface BlobData {
  dtype: Dtype
  data: ArrayLike<number | bigint>
}

/**
 * Writes a weight file with one record for each entry, in order.
 *
 * @returns the bytes and the position of each record, the number `BLOBFILE(offset = …)` names
 * @throws {TypeError} if weight files cannot hold a dtype
 * @throws {RangeError} if an element does not fit its dtype
 */
export function writeBlobs(blobs: readonly BlobData[]): { bytes: Uint8Array; offsets: number[] } {
  const payloads = blobs.map(({ dtype, data }) => {
    if (blobDtypeCode(dtype) === undefined) {
      throw new TypeError(`Expected an element type weight files can hold for dtype, got ${dtype}.`)
    }
    return encodePayload(dtype, data)
  })
  const offsets: number[] = []
  let end = BLOB_ALIGNMENT
  for (const payload of payloads) {
    const offset = alignBlob(end)
    offsets.push(offset)
    end = offset + BLOB_ALIGNMENT + payload.length
  }
  const bytes = new Uint8Array(end)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, blobs.length, true)
  view.setUint32(4, BLOB_VERSION, true)
  blobs.forEach(({ dtype, data }, i) => {
    const at = offsets[i]
    view.setUint32(at, BLOB_SENTINEL, true)
    view.setUint32(at + 4, blobDtypeCode(dtype)!, true)
    view.setBigUint64(at + 8, BigInt(payloads[i].length), true)
    view.setBigUint64(at + 16, BigInt(at + BLOB_ALIGNMENT), true)
    view.setBigUint64(at + 24, BigInt(8 * payloads[i].length - data.length * DTYPES[dtype].bits), true)
    bytes.set(payloads[i], at + BLOB_ALIGNMENT)
  })
  return { bytes, offsets }
}

/**
 * Writes a weight file with one record at 64 and its payload at 128: one file for each weight.
 *
 * @throws {TypeError} if weight files cannot hold the dtype
 * @throws {RangeError} if an element does not fit its dtype
 */
export function writeBlob(dtype: Dtype, data: ArrayLike<number | bigint>): Uint8Array {
  return writeBlobs([{ dtype, data }]).bytes
}
