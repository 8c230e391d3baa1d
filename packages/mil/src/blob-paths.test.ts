import { describe, expect, it } from 'vitest'
import { blobPaths, relativeBlobPath } from './blob-paths.js'
import { FormatError } from './format-error.js'
import { parse } from './parser.js'

const file = (name: string, offset = 64) =>
  `fp16(BLOBFILE(path = string("@model_path/${name}"), offset = uint64(${offset})))`

describe('blobPaths', () => {
  it('lists each file once, in order, immediates and nested blocks included', () => {
    const program = parse(`program(1.3) { func main(fp16 x) {
      fp16 a = const()[val = ${file('b.bin')}];
      fp16 b = add(x = ${file('a.bin')}, y = a) { fp16 c = f(values = (a, ${file('c.bin')})); } -> (c);
      fp16 d = const()[val = ${file('b.bin', 192)}];
    } -> (b); }`)
    expect(blobPaths(program)).toEqual(['@model_path/b.bin', '@model_path/a.bin', '@model_path/c.bin'])
  })
})

describe('relativeBlobPath', () => {
  it('takes the path below the model folder', () => {
    expect(relativeBlobPath('@model_path/weights/weight.bin')).toBe('weights/weight.bin')
    expect(relativeBlobPath('@model_path/w..bin')).toBe('w..bin')
  })

  it.each([
    '/etc/passwd',
    'w.bin',
    '@model_path/../w',
    '@model_path//w',
    '@model_path/a/../../w',
    '@model_path/',
    '@model_path/a\\b',
  ])('refuses %s', (path) => {
    expect(() => relativeBlobPath(path)).toThrow(FormatError)
  })
})
