import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { smokeText } from '../ane/smoke-program.js'
import { type Addon, loadAddon } from './addon.js'

/** Values that are wrong almost everywhere, and a few that are right somewhere. */
async function hostileValues(addon: Addon): Promise<unknown[]> {
  const detached = new Float32Array(4)
  structuredClone(detached.buffer, { transfer: [detached.buffer] })
  const ResizableBuffer = ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer
  const device = addon.deviceCreate(1, true)
  const disposed = addon.surfaceCreate([1, 2], 'fp16')
  addon.surfaceDispose(disposed)
  const surface = addon.surfaceCreate([1, 2, 1, 2], 'fp16')
  const simulated = addon.aneDeviceCreate(1, 21, false, 0, addon.simulatorPath, '{}')
  const program = await addon.deviceCompile(simulated, smokeText, 'main', [], [], false, 'main')
  const bound = addon.surfaceCreate([1, 256, 1, 64], 'fp16', simulated)
  const gone = addon.aneDeviceCreate(1, 21, false, 0, addon.simulatorPath, '{}')
  addon.deviceDispose(gone)
  const throwing = new Proxy([], {
    get: () => {
      throw new Error('trap')
    },
  })
  return [
    undefined,
    null,
    -1,
    2 ** 53,
    Number.NaN,
    'fp16',
    'main',
    true,
    Symbol('s'),
    10n,
    {},
    [],
    [[]],
    [1, 2],
    [2 ** 31, 2 ** 31],
    [['out', [{ of: new Float32Array(2), rows: 1, cols: 3, offset: 0, rowStride: 3, colStride: 1 }]]],
    [['out', [{ of: surface, rows: 2 ** 53, cols: 2 ** 53, offset: 2 ** 53, rowStride: 2 ** 53, colStride: 2 ** 53 }]]],
    [['@model_path/w', detached]],
    throwing,
    new Float32Array(new ResizableBuffer(8, { maxByteLength: 16 })),
    new Float32Array(new SharedArrayBuffer(8)),
    new Uint16Array(2),
    new Float64Array(1),
    detached,
    device,
    surface,
    disposed,
    [surface],
    [disposed],
    addon.scheduleCreate(device),
    Object.create(surface),
    simulated,
    program,
    bound,
    [bound],
    gone,
    smokeText,
    addon.simulatorPath,
    '{"chip": "m5", "faults": {"evaluate": [1, 1e300, -1, "x"]}}',
    '{',
  ]
}

describe('the addon', () => {
  const addon = loadAddon()
  const functions = Object.entries(addon).filter((entry): entry is [string, (...args: unknown[]) => unknown] => {
    return typeof entry[1] === 'function'
  })

  it('answers every wrong argument with an error, never with a crash', async () => {
    const values = await hostileValues(addon)
    const pending: unknown[] = []
    const call = fc.tuple(fc.nat(functions.length - 1), fc.array(fc.nat(values.length - 1), { maxLength: 6 }))
    fc.assert(
      fc.property(call, ([which, args]) => {
        try {
          pending.push(functions[which][1](...args.map((i) => values[i])))
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }),
      { numRuns: 20_000, seed: 1 },
    )
    await Promise.allSettled(pending)
  })

  it('tells its objects apart', () => {
    const device = addon.deviceCreate(1, true)
    const surface = addon.surfaceCreate([2], 'fp32')
    expect(() => addon.surfaceTouch(device as never)).toThrow('Expected a surface for surface.')
    expect(() => addon.scheduleCreate(surface as never)).toThrow('Expected a device for device.')
    expect(() => addon.programRunSync(surface as never, [], [])).toThrow('Expected an executable')
  })

  it('keeps a view of surface memory valid after the surface is gone', () => {
    const surface = addon.surfaceCreate([1024], 'fp32')
    const { bytes } = surface
    addon.surfaceDispose(surface)
    expect(bytes.byteLength).toBe(0)
    expect(bytes[0]).toBeUndefined()
  })

  it('survives the end of a worker and of the process in the middle of an execution', () => {
    const script = fileURLToPath(new URL('../../test/worker-exit.mjs', import.meta.url))
    const entry = createRequire(import.meta.url).resolve('@ane/native')
    const result = spawnSync(process.execPath, [script, entry], { encoding: 'utf8' })
    expect(result.stderr).toBe('')
    expect(result.status).toBe(7)
  })

  it('refuses arrays whose memory can move', () => {
    const ResizableBuffer = ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer
    const bits = new Uint16Array(4)
    const resizable = new Float32Array(new ResizableBuffer(16, { maxByteLength: 64 }))
    expect(() => addon.toFp16(bits, resizable)).toThrow('resizable')
    expect(() => addon.toFp16(bits, new Float32Array(new SharedArrayBuffer(16)))).toThrow('shared memory')
    expect(() => addon.toFp16(bits, new Float32Array(3))).toThrow('same length')
  })
})
