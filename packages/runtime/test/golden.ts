/** The unit goldens of ../shared: cases and their tensors. Tests skip visibly when the folder is absent. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeFp16 } from '@ane/mil'

const units = path.resolve(fileURLToPath(new URL('../../..', import.meta.url)), '../shared/golden/units')

/** Whether the goldens are there. */
export const hasGoldens = existsSync(units)

/** One case of an operation; tensors by name, widened to fp64. */
export interface GoldenCase {
  readonly params: Readonly<Record<string, number>>
  readonly norm?: number
  readonly scale?: number
  readonly shape: Readonly<Record<string, readonly number[]>>
  readonly inputs: Readonly<Record<string, Float64Array>>
  readonly outputs: Readonly<Record<string, Float64Array>>
}

interface StoredTensor {
  dtype: string
  shape: number[]
  data_offsets: [number, number]
}

const decoders: Record<string, (bytes: ArrayBuffer) => ArrayLike<number>> = {
  F16: (bytes) => decodeFp16(new Uint16Array(bytes)),
  F32: (bytes) => new Float32Array(bytes),
  F64: (bytes) => new Float64Array(bytes),
  I32: (bytes) => new Int32Array(bytes),
  I64: (bytes) => Array.from(new BigInt64Array(bytes), Number),
}

/** All cases of an operation. */
export function goldenCases(operation: string): GoldenCase[] {
  const entry = JSON.parse(readFileSync(path.join(units, 'units.json'), 'utf8'))[operation]
  const file = readFileSync(path.join(units, entry.file))
  const headerBytes = Number(file.readBigUInt64LE(0))
  const header = JSON.parse(file.toString('utf8', 8, 8 + headerBytes)) as Record<string, StoredTensor>
  const read = (name: string): Float64Array => {
    const { dtype, data_offsets } = header[name]
    const [from, to] = data_offsets.map((offset) => offset + 8 + headerBytes)
    return Float64Array.from(decoders[dtype](new Uint8Array(file.subarray(from, to)).buffer))
  }
  type Names = Record<string, { tensor?: string; f64?: string }>
  const readAll = (names: Names) =>
    Object.fromEntries(Object.entries(names).map(([key, { tensor, f64 }]) => [key, read((tensor ?? f64)!)]))
  return entry.cases.map((stored: GoldenCase & { inputs: Names; outputs: Names }) => ({
    ...stored,
    inputs: readAll(stored.inputs),
    outputs: readAll(stored.outputs),
    shape: Object.fromEntries(
      Object.entries(stored.inputs as Names).map(([key, { tensor }]) => [key, header[tensor!].shape]),
    ),
  }))
}
