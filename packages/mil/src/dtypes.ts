import type { Dtype } from './ir.js'

/** How elements of one dtype are stored and which values they take. */
export interface DtypeInfo {
  /** Width of a stored element in bits; 0 for strings, which no file stores. */
  readonly bits: number
  readonly kind: 'float' | 'integer' | 'bool' | 'string'
  /** Smallest and largest value of integers and bools; 0 for others. */
  readonly min: bigint
  readonly max: bigint
}

const float = (bits: number): DtypeInfo => ({ bits, kind: 'float', min: 0n, max: 0n })

const signed = (bits: number): DtypeInfo => {
  const limit = 1n << BigInt(bits - 1)
  return { bits, kind: 'integer', min: -limit, max: limit - 1n }
}

const unsigned = (bits: number): DtypeInfo => ({ bits, kind: 'integer', min: 0n, max: (1n << BigInt(bits)) - 1n })

/** Every dtype the text can spell. */
export const DTYPES: Readonly<Record<Dtype, DtypeInfo>> = {
  fp16: float(16),
  fp32: float(32),
  fp64: float(64),
  bf16: float(16),
  fp8e4m3fn: float(8),
  fp8e5m2: float(8),
  int4: signed(4),
  int8: signed(8),
  int16: signed(16),
  int32: signed(32),
  int64: signed(64),
  uint1: unsigned(1),
  uint2: unsigned(2),
  uint3: unsigned(3),
  uint4: unsigned(4),
  uint6: unsigned(6),
  uint8: unsigned(8),
  uint16: unsigned(16),
  uint32: unsigned(32),
  uint64: unsigned(64),
  bool: { bits: 8, kind: 'bool', min: 0n, max: 1n },
  string: { bits: 0, kind: 'string', min: 0n, max: 0n },
}

/** Tells whether a word names a dtype. */
export function isDtype(word: string): word is Dtype {
  return Object.hasOwn(DTYPES, word)
}
