import { buildProgram, print } from '@ane/mil'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { numbers } from '../test/tensors.js'
import { channels, type Device, openDevice, type ScheduleTimes, type Surface, transposed, view } from './index.js'

/** y = x + x with S columns. */
function addText(S: number): string {
  const { program } = buildProgram({ name: 'main' }, (b) => {
    const x = b.input('x', 'fp16', [1, 2, 1, S])
    b.output(b.op('add', { x, y: x }), 'y')
  })
  return print(program)
}

describe.each(['reference', 'cpu', 'ane-sim'] as const)('%s schedule', (kind) => {
  let device: Device
  beforeAll(async () => {
    device = await openDevice(kind, { threads: 1 })
  })
  afterAll(() => device.dispose())

  const surface = (data: number[]): Surface => {
    const made = device.createSurface([1, 2, 1, 2], 'fp16')
    made.write(data)
    return made
  }
  const all = (of: Surface) => channels(of)

  it('runs programs and kernels in recorded order and reports a time for each', async () => {
    const wide = await device.compile(addText(32), { name: 'double' })
    const [x, y] = ['x', 'y'].map((name) => device.createSurface([1, 2, 1, 32], 'fp16', name))
    const columns = Array.from({ length: 32 }, (_, s) => s)
    x.write([...columns, ...columns.map((s) => -s)])
    const out = new Float32Array(64)
    const schedule = device
      .createSchedule()
      .run(wide, { x }, { y }, { label: 'forward', group: 'device_forward' })
      .kernel('copy', { in: transposed(all(y)), out: view(out, { rows: 32, cols: 2 }) }, { group: 'staging' })
      .kernel('fill', { out: view(y.dtype === 'fp16' ? y : out, { rows: 1, cols: 1 }), value: 9 })
    expect(schedule.entries).toEqual([
      { kind: 'run', label: 'forward', group: 'device_forward' },
      { kind: 'kernel', label: 'copy', group: 'staging' },
      { kind: 'kernel', label: 'fill', group: 'host' },
    ])
    const before = y.version
    const times = await schedule.execute()
    expect([...out]).toEqual(columns.flatMap((s) => [2 * s, -2 * s]))
    expect([...y.toFloat32().subarray(0, 3)]).toEqual([9, 2, 4])
    expect(y.version).toBe(before + 2)
    expect(times.entries).toHaveLength(3)
    expect(times.entries.every((ms) => ms >= 0)).toBe(true)
    expect(times.total).toBeGreaterThanOrEqual(times.entries.reduce((sum, ms) => sum + ms, 0) * 0.99)
  })

  it('gives the same result every time, on and off the JavaScript thread', async () => {
    const sum = new Float32Array([1])
    const one = view(sum, { rows: 1, cols: 1 })
    const schedule = device.createSchedule().kernel('add', { a: one, b: one, out: one, scale: 1 })
    schedule.executeSync()
    await schedule.execute()
    schedule.executeSync()
    expect(sum[0]).toBe(8)
  })

  it('executes an empty list', async () => {
    expect((await device.createSchedule().execute()).entries).toHaveLength(0)
  })

  it('refuses a second execution and new entries while one is under way', async () => {
    const values = numbers(64 * 64, 1)
    const square = view(values, { rows: 64, cols: 64 })
    const out = view(new Float32Array(64 * 64), { rows: 64, cols: 64 })
    const schedule = device.createSchedule().kernel('gemm', { a: square, b: square, out, accumulate: 0 })
    const first = schedule.execute()
    expect(() => schedule.executeSync()).toThrow('Expected an idle schedule, got one that is executing.')
    await expect(schedule.execute()).rejects.toThrow('Expected an idle schedule')
    expect(() => schedule.kernel('fill', { out, value: 0 })).toThrow('Expected an idle schedule')
    expect(schedule.entries).toHaveLength(1)
    await first
    expect((await schedule.execute()).entries).toHaveLength(1)
  })

  it('refuses to execute after an array was transferred away', async () => {
    const values = new Float32Array(4)
    const schedule = device.createSchedule().kernel('fill', { out: view(values, { rows: 2, cols: 2 }), value: 1 })
    schedule.executeSync()
    structuredClone(values.buffer, { transfer: [values.buffer] })
    expect(() => schedule.executeSync()).toThrow('got a detached one')
    await expect(schedule.execute()).rejects.toThrow(TypeError)
    expect(() => device.createSchedule().kernel('fill', { out: view(values, { rows: 2, cols: 2 }), value: 1 })).toThrow(
      RangeError,
    )
  })

  it('refuses to execute with disposed surfaces or executables', async () => {
    const [x, y] = [surface([1, 2, 3, 4]), surface([0, 0, 0, 0])]
    const own = await device.compile(addText(2))
    const runs = device.createSchedule().run(own, { x }, { y })
    const fills = device.createSchedule().kernel('fill', { out: all(y), value: 1 })
    own.dispose()
    expect(() => runs.executeSync()).toThrow('disposed')
    y.dispose()
    expect(() => fills.executeSync()).toThrow('disposed')
    await expect(fills.execute()).rejects.toThrow(TypeError)
    expect(() => device.createSchedule().run(own, { x }, { y: surface([0, 0, 0, 0]) })).toThrow('disposed')
  })

  it('keeps arrays and surfaces alive', async () => {
    const schedule = device.createSchedule()
    const out = new Float32Array(1 << 16)
    for (let i = 0; i < 20; i++) {
      const source = view(new Float32Array(1 << 16).fill(1), { rows: 1, cols: 1 << 16 })
      const target = view(out, { rows: 1, cols: 1 << 16 })
      schedule.kernel('add', { a: target, b: source, out: target, scale: 1 })
    }
    for (let i = 0; i < 50; i++) new Float32Array(1 << 18).fill(i)
    await new Promise(setImmediate)
    schedule.executeSync()
    expect(out.every((value) => value === 20)).toBe(true)
  })

  describe('that another follows', () => {
    const square = (values: ArrayLike<number>) => view(Float32Array.from(values), { rows: 64, cols: 64 })

    it('leaves the numbers of two executions, and times for both', async () => {
      const weights = Array.from({ length: 8 }, (_, i) => square(numbers(64 * 64, i + 1)))
      const products = weights.map(() => square(new Float32Array(64 * 64)))
      const [updates, uses] = [device.createSchedule(), device.createSchedule()]
      for (const [i, of] of weights.entries()) {
        updates.kernel('add', { a: of, b: of, out: of, scale: 0.5 })
        uses.kernel('gemm', { a: of, b: of, out: products[i], accumulate: 0 })
      }
      const times = await updates.executeThen(uses)
      const together = products.map(({ of }) => Float32Array.from(of as Float32Array))
      for (const [i, { of }] of weights.entries()) (of as Float32Array).set(numbers(64 * 64, i + 1))
      await updates.execute()
      await uses.execute()
      expect(products.map(({ of }) => of)).toEqual(together)
      const next = times.next as ScheduleTimes
      for (const { total, entries } of [times, next]) {
        expect(entries).toHaveLength(8)
        expect(total).toBeGreaterThan(0)
      }
      expect(times.alongside).toBeGreaterThanOrEqual(0)
    })

    it('must be idle, and so must the other, which is another of this device', async () => {
      const out = square(new Float32Array(64 * 64))
      const [first, second] = [0, 1].map((value) => device.createSchedule().kernel('fill', { out, value }))
      await expect(first.executeThen(first)).rejects.toThrow('Expected an idle schedule')
      const foreign = (await openDevice('reference')).createSchedule()
      await expect(first.executeThen(foreign)).rejects.toThrow('Expected a schedule of this device')
      const under = second.execute()
      await expect(first.executeThen(second)).rejects.toThrow('Expected an idle schedule')
      await under
      await first.executeThen(second)
      expect((out.of as Float32Array)[5]).toBe(1)
    })
  })

  describe('operands', () => {
    const f32 = (rows: number, cols: number) => view(new Float32Array(rows * cols), { rows, cols })
    const record = (name: string, operands: object) => () => device.createSchedule().kernel(name, operands as never)

    it('must be known, present, of the right kind and type', () => {
      expect(record('fil', {})).toThrow('for a kernel, got fil.')
      expect(record('fill', { out: f32(1, 1) })).toThrow('Expected a number for fill.value, got none.')
      expect(record('fill', { out: f32(1, 1), value: 1, extra: 2 })).toThrow('for an operand of fill, got extra.')
      expect(record('fill', { out: 3, value: 1 })).toThrow('Expected a view for fill.out, got 3.')
      expect(record('fill', { out: f32(1, 1), value: '1' })).toThrow(TypeError)
      expect(record('fill', { out: { ...f32(1, 1), of: new Float64Array(1) }, value: 1 })).toThrow(
        'Expected fp16 or fp32 for fill.out, got fp64.',
      )
      expect(record('fill', { out: { ...f32(1, 1), of: [1, 2] }, value: 1 })).toThrow(TypeError)
      expect(record('fill', null as never)).toThrow(TypeError)
      expect(record('gemm', { a: f32(1, 1), b: f32(1, 1), out: f32(1, 1), accumulate: 2 })).toThrow('Expected 0 or 1')
    })

    it('must have shapes that fit each other', () => {
      expect(record('copy', { in: f32(2, 3), out: f32(3, 2) })).toThrow('copy: Expected 2 x 3 for out, got 3 x 2.')
      expect(record('gemm', { a: f32(2, 3), b: f32(4, 5), out: f32(2, 5), accumulate: 0 })).toThrow(RangeError)
      const half = view(new Uint16Array(4), { rows: 2, cols: 2 })
      expect(record('gemm', { a: f32(2, 3), b: f32(3, 2), out: half, accumulate: 1 })).toThrow('Expected fp32 for out')
    })

    it('must lie inside their memory', () => {
      const outside = { of: new Float32Array(10), rows: 3, cols: 3, offset: 2, rowStride: 3, colStride: 1 }
      expect(record('fill', { out: outside, value: 1 })).toThrow('Expected a view inside 10 elements for fill.out')
      expect(record('fill', { out: { ...outside, offset: -1 }, value: 1 })).toThrow(RangeError)
      expect(record('fill', { out: { ...outside, rows: 2 ** 53 }, value: 1 })).toThrow(RangeError)
      expect(record('fill', { out: { ...outside, offset: Number.NaN }, value: 1 })).toThrow(RangeError)
      expect(record('fill', { out: { ...outside, rowStride: 0.5 }, value: 1 })).toThrow(RangeError)
      expect(record('fill', { out: { ...outside, offset: 1 }, value: 1 })).not.toThrow()
      expect(record('fill', { out: { ...outside, offset: 11, rows: 0 }, value: 1 })).toThrow(RangeError)
    })

    it('must not write one element twice', () => {
      const repeated = { of: new Float32Array(10), rows: 2, cols: 3, offset: 0, rowStride: 0, colStride: 1 }
      expect(record('fill', { out: repeated, value: 1 })).toThrow('got strides that repeat some')
      expect(record('fill', { out: { ...repeated, rowStride: 2 }, value: 1 })).toThrow(RangeError)
      expect(record('fill', { out: { ...repeated, rowStride: 3 }, value: 1 })).not.toThrow()
    })

    it('must belong to this device', async () => {
      const other = await openDevice('reference')
      const foreign = other.createSurface([1, 2, 1, 2], 'fp16')
      expect(record('fill', { out: channels(foreign), value: 1 })).toThrow('of this device')
      const executable = await other.compile(addText(2))
      expect(() => device.createSchedule().run(executable, { x: foreign }, { y: foreign })).toThrow('of this device')
    })
  })
})
