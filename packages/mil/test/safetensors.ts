/** A reader for the golden files: enough of the safetensors format for tests. */

import { readFileSync } from 'node:fs'
import { decodeFp16 } from '../src/fp16.js'
import type { Dtype } from '../src/ir.js'
import type { Tensor } from '../src/tensor.js'

const KINDS: Record<string, [Dtype, (buffer: ArrayBuffer) => Tensor['data']]> = {
  F16: ['fp16', (buffer) => decodeFp16(new Uint16Array(buffer))],
  F32: ['fp32', (buffer) => new Float32Array(buffer)],
  F64: ['fp64', (buffer) => new Float64Array(buffer)],
  I32: ['int32', (buffer) => new Int32Array(buffer)],
  I16: ['int16', (buffer) => new Int16Array(buffer)],
  U16: ['uint16', (buffer) => new Uint16Array(buffer)],
  I8: ['int8', (buffer) => new Int8Array(buffer)],
  U8: ['uint8', (buffer) => new Uint8Array(buffer)],
  BOOL: ['bool', (buffer) => new Uint8Array(buffer)],
}

/** Reads every tensor of a safetensors file. */
export function readSafetensors(path: string): Map<string, Tensor> {
  const bytes = readFileSync(path)
  const size = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + size)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >
  const tensors = new Map<string, Tensor>()
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const [dtype, decode] = KINDS[entry.dtype]
    const [from, to] = entry.data_offsets.map((offset) => offset + 8 + size)
    const own = bytes.buffer.slice(bytes.byteOffset + from, bytes.byteOffset + to) as ArrayBuffer
    tensors.set(name, { dtype, shape: entry.shape, data: decode(own) })
  }
  return tensors
}
