import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { open as openFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { FormatError } from '../format-error.js'
import { readSafetensors, SafetensorsFile, type SafetensorsTensor, writeSafetensors } from './safetensors.js'

const folder = mkdtempSync(path.join(tmpdir(), 'ane-safetensors-'))

afterAll(() => rmSync(folder, { recursive: true }))
const file = path.join(folder, 'x.safetensors')

const valid: SafetensorsTensor[] = [
  { name: 'a', dtype: 'F32', shape: [2, 3], data: Float32Array.of(1, -2.5, 3e-8, NaN, Infinity, 6) },
  { name: 'half', dtype: 'F16', shape: [3], data: Float32Array.of(1.5, -65504, 2 ** -24) },
  { name: 'brain', dtype: 'BF16', shape: [2], data: Float32Array.of(1.5, -(2 ** 100)) },
  { name: 'd', dtype: 'F64', shape: [], data: Float64Array.of(Math.PI) },
  { name: 'i64', dtype: 'I64', shape: [1], data: BigInt64Array.of(-5n) },
  { name: 'i32', dtype: 'I32', shape: [2], data: Int32Array.of(7, -7) },
  { name: 'b', dtype: 'BOOL', shape: [1, 3], data: Uint8Array.of(1, 0, 1) },
  { name: 'empty', dtype: 'U16', shape: [0, 4], data: new Uint16Array(0) },
]

function raw(header: string, data = new Uint8Array(0), length = Buffer.byteLength(header)): string {
  const start = Buffer.alloc(8)
  start.writeBigUInt64LE(BigInt(length))
  writeFileSync(file, Buffer.concat([start, Buffer.from(header), data]))
  return file
}

const entry = (from: number, to: number, shape = [(to - from) / 4], dtype = 'F32') =>
  JSON.stringify({ dtype, shape, data_offsets: [from, to] })

describe('safetensors', () => {
  it('reads back every type it writes, with its metadata', async () => {
    await writeSafetensors(file, valid, { format: 'pt' })
    const read = await readSafetensors(file)
    for (const tensor of valid) expect(read.get(tensor.name)).toEqual(tensor)
    const opened = await SafetensorsFile.open(file)
    expect(opened.metadata).toEqual({ format: 'pt' })
    expect(await opened.readFloat32('half')).toEqual(Float32Array.of(1.5, -65504, 2 ** -24))
    expect(await opened.readFloat32('i64')).toEqual(Float32Array.of(-5))
    await expect(opened.read('absent')).rejects.toThrow(FormatError)
    await opened.close()
    expect(readdirSync(folder)).toEqual(['x.safetensors'])
  })

  it('aligns the data to 8 bytes', async () => {
    await writeSafetensors(file, valid)
    expect((8 + Number(readFileSync(file).readBigUInt64LE())) % 8).toBe(0)
  })

  it('rounds to nearest even when F16 or BF16 is asked for', async () => {
    const data = Float32Array.of(1 + 2 ** -11, 1 + 2 ** -8, 1 + 3 * 2 ** -8)
    await writeSafetensors(file, [
      { name: 'h', dtype: 'F16', shape: [3], data },
      { name: 'b', dtype: 'BF16', shape: [3], data },
    ])
    const read = await readSafetensors(file)
    expect(read.get('h')!.data).toEqual(Float32Array.of(1, 1 + 2 ** -8, 1 + 3 * 2 ** -8))
    expect(read.get('b')!.data).toEqual(Float32Array.of(1, 1, 1 + 2 ** -6))
  })

  it('refuses to write data that does not fit its shape or type, and leaves the old file', async () => {
    await writeSafetensors(file, valid)
    const before = readFileSync(file)
    const a = valid[0]
    await expect(writeSafetensors(file, [a, a])).rejects.toThrow(RangeError)
    await expect(writeSafetensors(file, [{ ...a, shape: [5] }])).rejects.toThrow(RangeError)
    await expect(writeSafetensors(file, [{ ...a, dtype: 'F64' }])).rejects.toThrow(TypeError)
    expect(readFileSync(file)).toEqual(before)
    expect(readdirSync(folder)).toEqual(['x.safetensors'])
  })

  it.each<[string, () => string, RegExp]>([
    ['a header beyond the file', () => raw('{}', undefined, 100), /header length, got 100/],
    ['a header length near 2^64', () => raw('{}', undefined, 2 ** 53), /header length/],
    ['no JSON', () => raw('{"a":'), /JSON/],
    ['an array', () => raw('[]'), /object/],
    ['a tensor twice', () => raw(`{"a":${entry(0, 4)},"\\u0061":${entry(0, 4)}}`, new Uint8Array(4)), /"a" twice/],
    ['an unknown type', () => raw(`{"a":${entry(0, 4, [1], 'F8')}}`, new Uint8Array(4)), /"F8"/],
    ['a negative dimension', () => raw(`{"a":${entry(0, 4, [-1])}}`, new Uint8Array(4)), /shape/],
    ['an overflowing shape', () => raw(`{"a":${entry(0, 4, [2 ** 40, 2 ** 40])}}`, new Uint8Array(4)), /bytes/],
    ['a size that contradicts the shape', () => raw(`{"a":${entry(0, 4, [2])}}`, new Uint8Array(4)), /8 bytes/],
    ['truncated data', () => raw(`{"a":${entry(0, 8)}}`, new Uint8Array(4)), /too early/],
    ['overlapping tensors', () => raw(`{"a":${entry(0, 8)},"b":${entry(4, 12)}}`, new Uint8Array(12)), /overlap/],
    ['a gap', () => raw(`{"a":${entry(0, 4)},"b":${entry(8, 12)}}`, new Uint8Array(12)), /gap/],
    ['bytes after the last tensor', () => raw(`{"a":${entry(0, 4)}}`, new Uint8Array(5)), /1 more bytes/],
    ['an unknown key', () => raw('{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"x":1}}'), /"x"/],
    ['metadata that is no string', () => raw('{"__metadata__":{"a":1}}'), /metadata/],
  ])('rejects %s with path and offset', async (_, write, message) => {
    const error = await readSafetensors(write()).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(FormatError)
    expect(error.message).toMatch(message)
    expect(error.path).toBe(file)
    expect(error.offset).toBeTypeOf('number')
  })

  it('reads a tensor that lies beyond 2 GiB', async () => {
    const sparse = path.join(folder, 'large.safetensors')
    const first = 3 * 2 ** 30
    const header = `{"a":${entry(0, first, [first], 'U8')},"b":${entry(first, first + 8)}}`
    const start = Buffer.alloc(8)
    start.writeBigUInt64LE(BigInt(header.length))
    writeFileSync(sparse, Buffer.concat([start, Buffer.from(header)]))
    const handle = await openFile(sparse, 'r+')
    const values = new Uint8Array(Float32Array.of(1.5, -2).buffer)
    await handle.write(values, 0, 8, 8 + header.length + first)
    await handle.close()
    const file = await SafetensorsFile.open(sparse)
    expect(await file.readFloat32('b')).toEqual(Float32Array.of(1.5, -2))
    await file.close()
    rmSync(sparse)
  })

  it('throws FormatError for every truncation and never crashes on damaged bytes', async () => {
    await writeSafetensors(file, valid)
    const bytes = readFileSync(file)
    for (let length = 0; length < bytes.length; length += 7) {
      writeFileSync(file, bytes.subarray(0, length))
      await expect(readSafetensors(file)).rejects.toThrow(FormatError)
    }
    const damage = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(damage, async (edits) => {
        const damaged = Buffer.from(bytes)
        for (const [at, value] of edits) damaged[at] = value
        writeFileSync(file, damaged)
        const result = await readSafetensors(file).catch((thrown) => thrown)
        expect(result instanceof Map || result instanceof FormatError).toBe(true)
      }),
      { numRuns: 200 },
    )
  })
})
