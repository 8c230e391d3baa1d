/**
 * MIL programs as data: what the parser returns, the printer takes and every pass rewrites.
 *
 * A `Program` knows operations by name only; what they mean is in `ops/`.
 */

export type Dtype =
  | 'fp16'
  | 'fp32'
  | 'fp64'
  | 'bf16'
  | 'int4'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint1'
  | 'uint2'
  | 'uint3'
  | 'uint4'
  | 'uint6'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'fp8e4m3fn'
  | 'fp8e5m2'
  | 'bool'
  | 'string'

/** `null` is an unknown dimension (`?` in the text). */
export type Dim = number | null

/** A tensor; rank 0 is a scalar. */
export interface TensorType {
  readonly kind: 'tensor'
  readonly dtype: Dtype
  readonly shape: readonly Dim[]
}

/** Every other type the text can spell; carried through unchanged. */
export type Type =
  | TensorType
  | { readonly kind: 'list'; readonly element: Type; readonly length: Dim }
  | { readonly kind: 'dict'; readonly key: Type; readonly value: Type }
  | { readonly kind: 'tuple'; readonly elements: readonly Type[] }
  | { readonly kind: 'state'; readonly element: Type }
  | {
      readonly kind: 'tensor_buffer'
      readonly dtype: Dtype
      readonly fields: Readonly<Record<string, readonly number[]>>
    }

/** A constant in the file at `path` (as spelled, e.g. `@model_path/weights/w.bin`), its metadata record at `offset`. */
export interface BlobReference {
  readonly kind: 'blob'
  readonly path: string
  readonly offset: number
}

/** Flat row-major numbers of a tensor constant. 64-bit integers are `BigInt64Array`/`BigUint64Array`; bools are 0/1. */
export type NumericData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array

export type LiteralData =
  | { readonly kind: 'numbers'; readonly data: NumericData }
  | { readonly kind: 'strings'; readonly data: readonly string[] }
  | { readonly kind: 'list'; readonly items: readonly Literal[] }
  | { readonly kind: 'dict'; readonly entries: readonly (readonly [Literal, Literal])[] }
  | BlobReference

/** A typed constant. fp16 and bf16 values are held as the exactly equal fp32 numbers in a `Float32Array`. */
export interface Literal {
  readonly type: Type
  readonly value: LiteralData
}

/** A position in the program text, both from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** One SSA value: a function input or one result of an operation. Identity matters, the name is for the text. */
export interface Value {
  name: string
  type: Type
}

/** An operand: a value, an immediate constant, or a variadic list of either. */
export type Operand =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'literal'; readonly literal: Literal }
  | { readonly kind: 'list'; readonly items: readonly Operand[] }

export interface Operation {
  /** MIL name, e.g. `reduce_sum`. */
  op: string
  /** The operation's own opset tag, where the text has one. */
  opset?: string
  /** Operands by MIL name. For `const` and `constexpr_*` the constants are here too (`val`, `scale`, …), not in `attributes`. */
  operands: Record<string, Operand>
  /** The bracketed list after the operands without the constants: `name` and annotations. */
  attributes: Record<string, Literal>
  results: Value[]
  blocks: Block[]
  position?: Position
}

export interface Block {
  operations: Operation[]
  outputs: Value[]
}

export interface Function extends Block {
  name: string
  /** `ios15` … `ios18`; absent when the text has none. */
  opset?: string
  inputs: Value[]
  attributes: Record<string, Literal>
}

export interface Program {
  /** As spelled: `1.0` and `1.3` select the spelling of types and scalars when printed. */
  version: string
  attributes: Record<string, Literal>
  functions: Function[]
}

/** Weight files by the path the program names, e.g. `@model_path/weights/w.bin`. */
export type BlobFiles = ReadonlyMap<string, Uint8Array>
