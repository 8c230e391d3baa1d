import { FormatError } from './format-error.js'

/** One field of a protobuf message: a number for varint and fixed wire types, bytes for length-delimited ones. */
export interface ProtobufField {
  number: number
  value: number | Uint8Array
  /** Byte offset of the field's value in the file. */
  offset: number
}

/**
 * Walks the fields of one protobuf message without copying.
 *
 * @param base byte offset of `bytes` in the file, for errors
 * @throws {FormatError} at a truncated field, an overlong varint or a group
 */
export function* protobufFields(bytes: Uint8Array, path: string | undefined, base = 0): Generator<ProtobufField> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= bytes.length)
        throw new FormatError('Expected a complete varint, got the end.', { path, offset: base + at })
      const byte = bytes[at++]
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new FormatError('Expected a varint of at most 10 bytes, got a longer one.', { path, offset: base + at })
  }
  const need = (length: number) => {
    if (length > bytes.length - at) {
      const message = `Expected ${length} bytes for a field, got ${bytes.length - at}.`
      throw new FormatError(message, { path, offset: base + at })
    }
  }
  while (at < bytes.length) {
    const start = at
    const tag = varint()
    const number = Math.floor(tag / 8)
    const type = tag % 8
    if (type === 0) {
      const offset = base + at
      yield { number, value: varint(), offset }
    } else if (type === 2) {
      const length = varint()
      need(length)
      yield { number, value: bytes.subarray(at, at + length), offset: base + at }
      at += length
    } else if (type === 5 || type === 1) {
      const length = type === 5 ? 4 : 8
      need(length)
      yield { number, value: type === 5 ? view.getFloat32(at, true) : view.getFloat64(at, true), offset: base + at }
      at += length
    } else {
      throw new FormatError(`Expected wire type 0, 1, 2 or 5, got ${type}.`, { path, offset: base + start })
    }
  }
}
