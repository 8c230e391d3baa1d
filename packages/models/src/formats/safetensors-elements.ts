import { decodeFp16, encodeFp16, type NumericData } from '@ane/mil'
import type { SafetensorsDtype } from './safetensors-header.js'

/** Copies, because a piece of a file need not be aligned to its elements. */
const aligned = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer

function decodeBf16(bits: Uint16Array): Float32Array {
  const out = new Uint32Array(bits.length)
  for (let i = 0; i < bits.length; i++) out[i] = bits[i] << 16
  return new Float32Array(out.buffer)
}

/** Rounds to nearest even; NaN stays a quiet NaN. */
function encodeBf16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const out = new Uint16Array(values.length)
  for (let i = 0; i < values.length; i++) {
    out[i] = Number.isNaN(values[i]) ? 0x7fc0 : (bits[i] + 0x7fff + ((bits[i] >>> 16) & 1)) >>> 16
  }
  return out
}

/** The numbers of little-endian `bytes`. */
export function decodeElements(dtype: SafetensorsDtype, bytes: Uint8Array): NumericData {
  const buffer = aligned(bytes)
  switch (dtype) {
    case 'F64':
      return new Float64Array(buffer)
    case 'F32':
      return new Float32Array(buffer)
    case 'F16':
      return decodeFp16(new Uint16Array(buffer))
    case 'BF16':
      return decodeBf16(new Uint16Array(buffer))
    case 'I64':
      return new BigInt64Array(buffer)
    case 'U64':
      return new BigUint64Array(buffer)
    case 'I32':
      return new Int32Array(buffer)
    case 'U32':
      return new Uint32Array(buffer)
    case 'I16':
      return new Int16Array(buffer)
    case 'U16':
      return new Uint16Array(buffer)
    case 'I8':
      return new Int8Array(buffer)
    case 'U8':
    case 'BOOL':
      return new Uint8Array(buffer)
    default:
      dtype satisfies never
      throw new TypeError(`Expected a known element type, got ${dtype}.`)
  }
}

const arrays = {
  F64: Float64Array,
  F32: Float32Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const

/**
 * The little-endian bytes of `data`, rounded for F16 and BF16; every other type must match its typed array.
 *
 * @throws {TypeError} if the typed array is not the one of `dtype`
 */
export function encodeElements(dtype: SafetensorsDtype, data: NumericData, name: string): Uint8Array {
  let typed: NumericData = data
  if (dtype === 'F16' || dtype === 'BF16') {
    if (!(data instanceof Float32Array)) {
      throw new TypeError(`Expected a Float32Array for ${dtype} tensor ${name}, got a ${data.constructor.name}.`)
    }
    typed = dtype === 'F16' ? encodeFp16(data) : encodeBf16(data)
  } else if (!(data instanceof arrays[dtype])) {
    throw new TypeError(`Expected a ${arrays[dtype].name} for ${dtype} tensor ${name}, got a ${data.constructor.name}.`)
  }
  return new Uint8Array(typed.buffer, typed.byteOffset, typed.byteLength)
}

/** The numbers as fp32, rounded to nearest where they do not fit. */
export function toFloat32(data: NumericData): Float32Array {
  if (data instanceof Float32Array) return data
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float32Array.from(data, Number)
  return Float32Array.from(data)
}
