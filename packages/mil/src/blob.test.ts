import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readBlob, readBlobRecord, readBlobRecords } from './blob-reader.js'
import { writeBlob, writeBlobs } from './blob-writer.js'
import { DTYPES } from './dtypes.js'
import { FormatError } from './format-error.js'
import type { Dtype } from './ir.js'
import { roundToFloat } from './minifloat.js'
import { decodePayload, encodePayload } from './payload.js'

const STORED: Dtype[] = [
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
]
STORED.push('uint6', 'int32', 'uint32', 'fp8e4m3fn', 'fp8e5m2')

const elementsOf = (dtype: Dtype): fc.Arbitrary<number[]> => {
  const { kind, min, max } = DTYPES[dtype]
  const limit = { fp16: 65504, fp8e4m3fn: 448, fp8e5m2: 57344 }[dtype as string] ?? 1e30
  const float = fc.double({ min: -limit, max: limit, noNaN: true }).map((x) => roundToFloat(dtype, x))
  return fc.array(kind === 'float' ? float : fc.integer({ min: Number(min), max: Number(max) }), { maxLength: 40 })
}

const failure = (read: () => unknown): FormatError => {
  try {
    read()
  } catch (error) {
    if (error instanceof FormatError) return error
    throw error
  }
  throw new Error('Accepted.')
}

describe('weight files', () => {
  it.each(STORED)('give %s elements back exactly', (dtype) => {
    fc.assert(
      fc.property(fc.array(elementsOf(dtype), { minLength: 1, maxLength: 4 }), (lists) => {
        const { bytes, offsets } = writeBlobs(lists.map((data) => ({ dtype, data })))
        const records = readBlobRecords(bytes)
        expect(records.map((record) => record.offset)).toEqual(offsets)
        lists.forEach((data, i) => {
          expect(offsets[i] % 64).toBe(0)
          expect(
            Array.from(readBlob(bytes, offsets[i], { dtype, elements: data.length }).data as ArrayLike<number>),
          ).toEqual(data)
          expect(records[i].elements).toBe(data.length)
        })
      }),
      { numRuns: 30 },
    )
  })

  it('lay one fp16 weight out in 128 bytes and its payload', () => {
    const bytes = writeBlob('fp16', Float32Array.of(1, -2, 65504))
    const expected = new Uint8Array(134)
    expected.set([1, 0, 0, 0, 2])
    expected.set([0xef, 0xbe, 0xad, 0xde, 1, 0, 0, 0, 6], 64)
    expected.set([128], 80)
    expected.set([0x00, 0x3c, 0x00, 0xc0, 0xff, 0x7b], 128)
    expect(bytes).toEqual(expected)
  })

  it('pack sub-byte elements from the least significant bit, across bytes', () => {
    expect(encodePayload('int4', [-8, 7, -1])).toEqual(Uint8Array.of(0x78, 0x0f))
    expect(encodePayload('uint3', [1, 2, 7])).toEqual(Uint8Array.of(0b11010001, 0b1))
    expect(encodePayload('uint6', [63, 1])).toEqual(Uint8Array.of(0x7f, 0x00))
    expect(Array.from(decodePayload('uint6', Uint8Array.of(0x7f, 0x30), 2) as Uint8Array)).toEqual([63, 1])
    const { bytes } = writeBlobs([{ dtype: 'uint3', data: [1, 2, 7] }])
    expect(bytes[64 + 24]).toBe(7)
    expect(readBlob(bytes, 64).data).toEqual(Uint8Array.of(1, 2, 7))
  })

  it('refuse elements that do not fit and types no record can hold', () => {
    expect(() => writeBlob('int8', [128])).toThrow(RangeError)
    expect(() => writeBlob('uint8', [1.5])).toThrow(RangeError)
    expect(() => writeBlob('fp16', [65520])).toThrow(RangeError)
    expect(() => writeBlob('fp16', Float32Array.of(65520))).toThrow(RangeError)
    expect(() => writeBlob('fp32', [1e39])).toThrow(RangeError)
    expect(() => writeBlob('fp8e4m3fn', [Infinity])).toThrow(RangeError)
    expect(() => writeBlob('bool', [1])).toThrow(TypeError)
    const special = readBlob(writeBlob('fp16', [Infinity, -Infinity, Number.NaN]), 64).data
    expect(special).toEqual(Float32Array.of(Infinity, -Infinity, Number.NaN))
  })

  it('are read only when the record is what the program declares', () => {
    const { bytes, offsets } = writeBlobs([
      { dtype: 'fp16', data: [1, 2, 3] },
      { dtype: 'int8', data: [4] },
    ])
    const read = (offset: number, dtype: Dtype, elements: number) => () =>
      readBlob(bytes, offset, { dtype, elements, path: 'w.bin' })
    expect(failure(read(64, 'fp32', 3)).message).toBe(
      'w.bin at byte 68: Expected fp32 elements for a record, got fp16.',
    )
    expect(failure(read(64, 'fp16', 4)).offset).toBe(72)
    expect(failure(read(128, 'fp16', 3)).message).toContain('The first record of a file is at 64.')
    expect(failure(read(offsets[1] + 64, 'int8', 1)).offset).toBe(offsets[1] + 64)
    expect(failure(read(-64, 'int8', 1))).toBeInstanceOf(FormatError)
    expect(failure(read(64.5, 'int8', 1))).toBeInstanceOf(FormatError)
    const damaged = (at: number, value: number) => {
      const copy = bytes.slice()
      copy[at] = value
      return failure(() => readBlob(copy, 64, { path: 'w.bin' })).offset
    }
    expect(damaged(4, 1)).toBe(4)
    expect(damaged(64, 0)).toBe(64)
    expect(damaged(68, 99)).toBe(68)
    expect(damaged(64 + 16 + 7, 0x80)).toBe(72)
  })

  it('report a Git LFS pointer as one', () => {
    const pointer = new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n')
    for (const lenient of [false, true]) {
      const error = failure(() => readBlob(pointer, 64, { dtype: 'fp16', elements: 1, lenient, path: 'w.bin' }))
      expect(error.message).toContain('Git LFS pointer')
    }
  })

  it('with a wrong type, size and position are read leniently and never otherwise', () => {
    const bytes = new Uint8Array(64 + 64 + 4)
    bytes.set([1, 0, 0, 0, 2])
    bytes.set([0xef, 0xbe, 0xad, 0xde, 1, 0, 0, 0, 0, 0, 8], 64)
    bytes.set([1, 255, 3, 4], 128)
    const expected = { dtype: 'int8', elements: 4 } as const
    expect(() => readBlob(bytes, 64, expected)).toThrow(FormatError)
    expect(readBlob(bytes, 64, { ...expected, lenient: true }).data).toEqual(Int8Array.of(1, -1, 3, 4))
    expect(() => readBlob(bytes, 64, { lenient: true })).toThrow(TypeError)
    const headerless = bytes.slice(64)
    expect(readBlob(headerless, 0, { ...expected, lenient: true }).data).toEqual(Int8Array.of(1, -1, 3, 4))
    expect(() => readBlob(headerless, 0, { ...expected, elements: 5, lenient: true })).toThrow(FormatError)
  })

  it('give a view of the stored bytes when not decoded, whatever the alignment of the buffer', () => {
    const { bytes } = writeBlobs([{ dtype: 'fp32', data: [1.5, -2] }])
    const shifted = new Uint8Array(bytes.length + 1).subarray(1)
    shifted.set(bytes)
    const record = readBlobRecord(shifted, 64)
    expect(record.payload.buffer).toBe(shifted.buffer)
    expect(readBlob(shifted, 64).data).toEqual(Float32Array.of(1.5, -2))
  })

  it('that are truncated or random throw a FormatError quickly', () => {
    const { bytes } = writeBlobs(STORED.map((dtype) => ({ dtype, data: [1, 0, 1] })))
    const damaged = fc.oneof(
      fc.nat(bytes.length).map((end) => bytes.slice(0, end)),
      fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)).map(([at, value]) => {
        const copy = bytes.slice()
        copy[at] = value
        return copy
      }),
      fc.uint8Array({ maxLength: 300 }),
    )
    fc.assert(
      fc.property(damaged, fc.nat(400), (file, offset) => {
        for (const read of [
          () => readBlobRecords(file),
          () => readBlob(file, offset),
          () => readBlob(file, 64, { dtype: 'uint3', elements: 3, lenient: true }),
        ]) {
          try {
            read()
          } catch (error) {
            if (!(error instanceof FormatError)) throw error
          }
        }
      }),
      { numRuns: 1000 },
    )
  })
})
