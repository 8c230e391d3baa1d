import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { buildProgram, FormatError, type Program } from '@ane/mil'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadBlobs } from './index.js'

describe('loadBlobs', () => {
  let folder: string
  let model: string
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'ane-blobs-'))
    model = path.join(folder, 'model')
    mkdirSync(path.join(model, 'weights'), { recursive: true })
    writeFileSync(path.join(model, 'weights', 'w.bin'), 'inside')
    writeFileSync(path.join(folder, 'secret.bin'), 'outside')
    symlinkSync(path.join(folder, 'secret.bin'), path.join(model, 'weights', 'leak.bin'))
    symlinkSync(path.join(model, 'weights', 'w.bin'), path.join(model, 'weights', 'alias.bin'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const naming = (file: string): Program =>
    buildProgram({ name: 'main' }, (b) => {
      const w = b.constant('fp16', [1, 4, 1, 4], { blob: file }, 'w')
      b.output(b.op('add', { x: b.input('x', 'fp16', [1, 4, 1, 4]), y: w }), 'y')
    }).program

  it('reads what the program names, links inside the folder included', async () => {
    for (const file of ['@model_path/weights/w.bin', '@model_path/weights/alias.bin']) {
      const blobs = await loadBlobs(naming(file), model)
      expect([...blobs.keys()]).toEqual([file])
      expect(Buffer.from(blobs.get(file)!).toString()).toBe('inside')
    }
  })

  it.each([
    '@model_path/../secret.bin',
    '@model_path/weights/../../secret.bin',
    '@model_path/weights/leak.bin',
    '@model_path/weights',
    '@model_path/weights/none.bin',
    '/etc/hostname',
  ])('refuses %s', async (file) => {
    const failure = await (async () => loadBlobs(naming(file), model))().then(
      () => expect.unreachable(),
      (error) => error,
    )
    expect(failure).toBeInstanceOf(Error)
    expect(failure.message).not.toContain('unreachable')
  })

  it('names the file that is missing', async () => {
    const failure = loadBlobs(naming('@model_path/weights/none.bin'), model)
    await expect(failure).rejects.toThrow(FormatError)
    await expect(failure).rejects.toThrow('none.bin')
  })
})
