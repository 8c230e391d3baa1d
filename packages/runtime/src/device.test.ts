import { buildProgram, print } from '@ane/mil'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { numbers } from '../test/tensors.js'
import { AneError, type Device, openDevice, type Surface, view } from './index.js'

/** y = relu(w · x) with w [1, out, 1, in] and x [1, in, 1, S]. */
function matrixProgram(outs: number, ins: number, S: number): string {
  const { program } = buildProgram({ name: 'main' }, (b) => {
    const x = b.input('x', 'fp16', [1, ins, 1, S])
    const w = b.input('w', 'fp16', [1, outs, 1, ins])
    const product = b.op('matmul', {
      x: b.op('reshape', { x: w, shape: [1, 1, outs, ins] }),
      y: b.op('reshape', { x, shape: [1, 1, ins, S] }),
      transpose_x: false,
      transpose_y: false,
    })
    b.output(b.op('relu', { x: b.op('reshape', { x: product, shape: [1, outs, 1, S] }) }), 'y')
  })
  return print(program)
}

describe.each(['reference', 'cpu'] as const)('%s device', (kind) => {
  it.each([
    ['tensor<fp16, [0, 4]> x', 'tensor<fp16, [0, 4]> y = relu(x = x);', undefined],
    ['tensor<int32, [0]> x', 'tensor<int32, [0]> y = abs(x = x);', undefined],
    ['tensor<fp16, [?, 4]> x', 'tensor<fp16, [?, 4]> y = relu(x = x);', { x: [0, 4] }],
    [
      'tensor<fp16, [4]> x',
      'tensor<fp16, [0]> y = slice_by_size(x = x, begin = tensor<int32, [1]>([1]), size = tensor<int32, [1]>([0]));',
      undefined,
    ],
    [
      'tensor<fp16, [4]> x',
      'tensor<fp16, [0]> c = const()[val = tensor<fp16, [0]>([])]; tensor<fp16, [4]> y = concat(values = (x, c), axis = int32(0), interleave = bool(false));',
      undefined,
    ],
  ])('refuses values without elements: %s, %s', async (input, body, inputShapes) => {
    const device = await openDevice(kind, { threads: 1 })
    const text = `program(1.3) { func main<ios18>(${input}) { ${body} } -> (y); }`
    await expect(device.compile(text, { inputShapes })).rejects.toThrow(
      /Expected (at least one element for \w+, got |an integer from 1 to \d+ for input x)/,
    )
    device.dispose()
  })
})

describe.each(['reference', 'cpu', 'ane-sim'] as const)('%s device', (kind) => {
  let device: Device
  beforeAll(async () => {
    device = await openDevice(kind, { threads: 1 })
  })
  afterAll(() => device.dispose())

  const surface = (shape: number[], dtype: Surface['dtype'] = 'fp16', data?: ArrayLike<number>) => {
    const made = device.createSurface(shape, dtype)
    if (data) made.write(data)
    return made
  }

  describe('surfaces', () => {
    it('start at zero, round what is written to fp16 and count every write', () => {
      const s = surface([1, 2, 1, 3])
      expect([...s.toFloat32()]).toEqual([0, 0, 0, 0, 0, 0])
      expect(s.version).toBe(0)
      s.write([1, 2049, 65520], 2)
      expect([...s.toFloat32()]).toEqual([0, 0, 1, 2048, Number.POSITIVE_INFINITY, 0])
      s.touch()
      expect(s.version).toBe(2)
      expect(s.bytes.byteLength).toBe(12)
    })

    it('show live memory through bytes', () => {
      const s = surface([2, 3], 'int32', [1, 2, 3, 4, 5, 6])
      new Int32Array(s.bytes.buffer, s.bytes.byteOffset)[4] = -7
      expect([...s.toFloat32()]).toEqual([1, 2, 3, 4, -7, 6])
    })

    it('keep NaN, infinities, signed zero and subnormals', () => {
      const s = surface([1, 1, 1, 5], 'fp16', [Number.NaN, Number.NEGATIVE_INFINITY, -0, 2 ** -24, 2 ** -26])
      expect([...s.toFloat32()]).toEqual([Number.NaN, Number.NEGATIVE_INFINITY, -0, 2 ** -24, 0])
    })

    it('refuse integers that do not fit instead of wrapping them', () => {
      expect(() => surface([2], 'int8', [1, 128])).toThrow(
        new RangeError('Expected an integer from -128 to 127 for element 1, got 128.'),
      )
      expect(() => surface([1], 'uint8', [0.5])).toThrow(RangeError)
      expect(() => surface([1], 'bool', [2])).toThrow(RangeError)
    })

    it('refuse data that does not fit and shapes that are none', () => {
      expect(() => surface([4]).write([1, 2], 3)).toThrow(RangeError)
      expect(() => surface([4]).write([1], -1)).toThrow(RangeError)
      expect(() => surface([4]).write(undefined as never)).toThrow(TypeError)
      expect(() => surface([0, 2])).toThrow(RangeError)
      expect(() => surface([1.5])).toThrow(RangeError)
      expect(() => surface([2 ** 20, 2 ** 20])).toThrow('less than 4 GiB')
      expect(() => surface([1], 'fp64' as never)).toThrow('got fp64')
      expect(() => device.createSurface(7 as never, 'fp16')).toThrow(TypeError)
    })

    it('refuse everything once disposed, except another dispose', () => {
      const s = surface([4])
      s.dispose()
      s.dispose()
      expect(() => s.bytes).toThrow('disposed')
      expect(() => s.write([1])).toThrow('disposed')
      expect(() => s.toFloat32()).toThrow('disposed')
    })
  })

  describe('executables', () => {
    it('describe their inputs, outputs and cost', async () => {
      const executable = await device.compile(matrixProgram(3, 5, 7), { name: 'product' })
      expect(executable.name).toBe('product')
      expect(executable.inputs).toEqual([
        { name: 'x', shape: [1, 5, 1, 7], dtype: 'fp16' },
        { name: 'w', shape: [1, 3, 1, 5], dtype: 'fp16' },
      ])
      expect(executable.outputs).toEqual([{ name: 'y', shape: [1, 3, 1, 7], dtype: 'fp16' }])
      expect(executable.flops).toBe(2 * 3 * 5 * 7)
    })

    it('compute the same off and on the JavaScript thread', async () => {
      const executable = await device.compile(matrixProgram(2, 32, 32))
      const columns = Array.from({ length: 32 }, (_, s) => s)
      const rows = [columns, columns.map(() => 1), ...Array.from({ length: 30 }, () => columns.map(() => 0))]
      const weight = [1, -1].map((sign) => [1, sign, ...Array.from({ length: 30 }, () => 9)])
      const inputs = {
        x: surface([1, 32, 1, 32], 'fp16', rows.flat()),
        w: surface([1, 2, 1, 32], 'fp16', weight.flat()),
      }
      const [a, b] = [surface([1, 2, 1, 32]), surface([1, 2, 1, 32])]
      expect(await executable.run(inputs, { y: a })).toBeGreaterThan(0)
      expect(executable.runSync(inputs, { y: b })).toBeGreaterThan(0)
      expect([...a.toFloat32()]).toEqual([...columns.map((s) => s + 1), ...columns.map((s) => Math.max(s - 1, 0))])
      expect(b.toFloat32()).toEqual(a.toFloat32())
      expect(a.version).toBe(1)
    })

    it('refuse bindings that do not fit and name them', async () => {
      const executable = await device.compile(matrixProgram(2, 2, 2))
      const [x, w, y] = [surface([1, 2, 1, 2]), surface([1, 2, 1, 2]), surface([1, 2, 1, 2])]
      const failures: [Record<string, Surface>, Record<string, Surface>, string][] = [
        [{ x }, { y }, 'Expected a surface for input w, got none.'],
        [{ x, w, v: x }, { y }, 'Expected one of x, w for the name of an input, got v.'],
        [{ x, w }, {}, 'Expected a surface for output y, got none.'],
        [{ x: surface([1, 2, 1, 3]), w }, { y }, 'Expected fp16 [1, 2, 1, 2] for input x, got fp16 [1, 2, 1, 3].'],
        [
          { x, w },
          { y: surface([1, 2, 1, 2], 'fp32') },
          'Expected fp16 [1, 2, 1, 2] for output y, got fp32 [1, 2, 1, 2].',
        ],
        [{ x, w }, { y: x }, 'Expected a surface of its own for output y, got one that is bound twice.'],
        [{ x, w: {} as Surface }, { y }, 'Expected a surface of this device for input w, got another object.'],
      ]
      for (const [inputs, outputs, message] of failures) {
        expect(() => executable.runSync(inputs, outputs)).toThrow(message)
        await expect(executable.run(inputs, outputs)).rejects.toThrow(message)
      }
    })

    it('refuse surfaces of another device, disposed surfaces and runs after dispose', async () => {
      const executable = await device.compile(matrixProgram(2, 2, 2))
      const other = await openDevice('reference')
      const [x, w, y] = [surface([1, 2, 1, 2]), surface([1, 2, 1, 2]), surface([1, 2, 1, 2])]
      expect(() => executable.runSync({ x: other.createSurface([1, 2, 1, 2], 'fp16'), w }, { y })).toThrow(
        'of this device',
      )
      w.dispose()
      expect(() => executable.runSync({ x, w }, { y })).toThrow('a disposed one')
      executable.dispose()
      executable.dispose()
      expect(() => executable.runSync({ x, w: surface([1, 2, 1, 2]) }, { y })).toThrow('disposed')
      await expect(executable.run({ x, w: surface([1, 2, 1, 2]) }, { y })).rejects.toThrow(TypeError)
    })

    it('report what is wrong with a program, where, and from which call', async () => {
      const good = matrixProgram(2, 2, 2)
      const line = good.split('\n').findIndex((text) => text.includes(' relu(')) + 1
      const broken = good.replace(/relu\(x = \w+/, 'relu(x = nothing')
      const failure: AneError = await device.compile(broken).then(
        () => expect.unreachable(),
        (error) => error,
      )
      expect(failure).toBeInstanceOf(AneError)
      expect(failure.code).toBe('ANE_COMPILE_FAILED')
      expect(failure.line).toBe(line)
      expect(failure.message).toContain('nothing')
      expect(failure.stack).toContain('device.test.ts')
      for (const text of ['', 'program(1.3)', good.slice(0, -20), '\0'.repeat(50)]) {
        await expect(device.compile(text)).rejects.toMatchObject({ code: 'ANE_COMPILE_FAILED' })
      }
      await expect(device.compile(good, { function: 'other' })).rejects.toMatchObject({ code: 'ANE_COMPILE_FAILED' })
      await expect(device.compile(7 as never)).rejects.toThrow(TypeError)
    })

    it('read weights from the files given and refuse when one is missing', async () => {
      const { program, blobs } = buildProgram({ name: 'main' }, (b) => {
        const x = b.input('x', 'fp16', [1, 4, 1, 32])
        const w = b.constant('fp16', [1, 4, 1, 32], numbers(128, 1), 'w')
        const file = b.constant('fp16', [1, 4, 1, 32], numbers(128, 2), { name: 'v', path: '@model_path/v.bin' })
        b.output(b.op('add', { x: b.op('mul', { x, y: w }), y: file }), 'y')
      })
      const executable = await device.compile(print(program), { blobs })
      const y = surface([1, 4, 1, 32])
      executable.runSync({ x: surface([1, 4, 1, 32]) }, { y })
      expect(y.toFloat32()).toEqual(numbers(128, 2))
      await expect(device.compile(print(program))).rejects.toMatchObject({ code: 'ANE_COMPILE_FAILED' })
      const cut = new Map([...blobs].map(([name, bytes]) => [name, bytes.slice(0, 70)]))
      await expect(device.compile(print(program), { blobs: cut })).rejects.toMatchObject({ code: 'ANE_COMPILE_FAILED' })
    })
  })

  it('refuses work once disposed', async () => {
    const closed = await openDevice(kind, { threads: 1 })
    const executable = await closed.compile(matrixProgram(2, 2, 2))
    const make = () => closed.createSurface([1, 2, 1, 2], 'fp16')
    const [x, w, y] = [make(), make(), make()]
    const schedule = closed.createSchedule().kernel('fill', { out: view(y, { rows: 2, cols: 2 }), value: 1 })
    closed.dispose()
    closed.dispose()
    expect(make).toThrow('disposed')
    await expect(closed.compile('')).rejects.toThrow('disposed')
    expect(() => closed.createSchedule()).toThrow('disposed')
    expect(() => schedule.executeSync()).toThrow('disposed')
    if (kind !== 'reference') expect(() => executable.runSync({ x, w }, { y })).toThrow('disposed')
  })
})
