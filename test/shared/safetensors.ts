/** A reader of golden files for packages that have none: enough of the safetensors format for tests. */
import { readFileSync } from 'node:fs'
import { type Dtype, decodeFp16, type Tensor } from '@ane/mil'

const kinds: Record<string, [Dtype, (buffer: ArrayBuffer) => Tensor['data']]> = {
  F16: ['fp16', (buffer) => decodeFp16(new Uint16Array(buffer))],
  F32: ['fp32', (buffer) => new Float32Array(buffer)],
  F64: ['fp64', (buffer) => new Float64Array(buffer)],
  I64: ['int64', (buffer) => new BigInt64Array(buffer)],
  I32: ['int32', (buffer) => new Int32Array(buffer)],
  I16: ['int16', (buffer) => new Int16Array(buffer)],
  U16: ['uint16', (buffer) => new Uint16Array(buffer)],
  I8: ['int8', (buffer) => new Int8Array(buffer)],
  U8: ['uint8', (buffer) => new Uint8Array(buffer)],
  BOOL: ['bool', (buffer) => new Uint8Array(buffer)],
}

interface Entry {
  dtype: string
  shape: number[]
  data_offsets: [number, number]
}

/** Every tensor of a file by name; fp16 held as fp32 numbers. */
export function readGolden(path: string): Map<string, Tensor> {
  const bytes = readFileSync(path)
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  const header: Record<string, Entry> = JSON.parse(bytes.toString('utf8', 8, start))
  const tensors = new Map<string, Tensor>()
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const [dtype, decode] = kinds[entry.dtype]
    const [from, to] = entry.data_offsets.map((offset) => bytes.byteOffset + start + offset)
    tensors.set(name, { dtype, shape: entry.shape, data: decode(bytes.buffer.slice(from, to) as ArrayBuffer) })
  }
  return tensors
}
