import { type Builder, buildProgram, evaluate, print, type Tensor, type TensorType, type Value } from '@ane/mil'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { relativeL2 } from '../../../test/shared/errors.js'
import { type Device, openDevice } from '../src/index.js'
import { runProgram } from './device-runs.js'
import { numbers, seeded } from './tensors.js'

const shapeOf = (value: Value) => (value.type as TensorType).shape as number[]

/** One random step: an operation on earlier values of rank 4 that keeps numbers of moderate size. */
function step(b: Builder, values: Value[], pick: (count: number) => number): Value {
  const x = values[pick(values.length)]
  const shape = shapeOf(x)
  const alike = values.filter((value) => shapeOf(value).every((dim, i) => dim === shape[i]))
  const axis = pick(4)
  const choices: (() => Value)[] = [
    () => b.add({ x, y: alike[pick(alike.length)] }),
    () => b.sub({ x, y: alike[pick(alike.length)] }),
    () => b.mul({ x: b.tanh({ x }), y: alike[pick(alike.length)] }),
    () => b.sigmoid({ x }),
    () => b.silu({ x }),
    () => b.relu({ x }),
    () => b.softmax({ x, axis }),
    () => b.sub({ x, y: b.reduceMean({ x, axes: [axis], keep_dims: true }) }),
    () => b.mul({ x: b.reduceMax({ x, axes: [axis, (axis + 1) % 4], keep_dims: true }), y: b.tanh({ x }) }),
    () =>
      b.transpose({
        x,
        perm: [
          [0, 2, 1, 3],
          [0, 1, 3, 2],
          [3, 1, 2, 0],
          [1, 0, 3, 2],
        ][axis],
      }),
    () => b.reshape({ x, shape: [shape[0] * shape[1], 1, shape[3], shape[2]] }),
    () => b.tanh({ x: b.matmul({ x, y: x, transpose_y: true }) }),
    () => b.tanh({ x: b.matmul({ x, y: x, transpose_x: true }) }),
    () => b.concat({ values: [x, alike[pick(alike.length)]], axis, interleave: false }),
    () => b.sliceBySize({ x, begin: shape.map((dim) => pick(dim)), size: [-1, -1, -1, -1] }),
    () => b.op('reverse', { x, axes: [axis] }),
    () =>
      b.op('slice_by_index', {
        x,
        begin: [0, 0, 0, 0],
        end: shape,
        stride: shape.map((dim) => 1 + pick(Math.min(dim, 2))),
      }),
  ]
  const y = choices[pick(choices.length)]()
  return shapeOf(y).reduce((count, dim) => count * dim, 1) > 6000 ? b.relu({ x }) : y
}

/** A program of random operations on odd shapes; several of its values are outputs. */
function randomProgram(seed: number) {
  const next = seeded(seed)
  const pick = (count: number) => Math.min(count - 1, Math.floor(((next() + 1) / 2) * count))
  const shape = [1 + pick(2), 3 + pick(9), 1 + pick(5), 3 + pick(33)]
  const { program } = buildProgram({}, (b) => {
    const values = [b.input('x', 'fp16', shape), b.input('w', 'fp16', shape)]
    for (let i = 0; i < 24; i++) values.push(step(b, values, pick))
    b.output(values[values.length - 1], 'last')
    b.output(values[12], 'middle')
    b.output(values[2 + pick(values.length - 4)], 'some')
  })
  const tensor = (salt: number): Tensor => ({
    dtype: 'fp16',
    shape,
    data: numbers(
      shape.reduce((a, dim) => a * dim, 1),
      seed + salt,
    ),
  })
  return {
    program,
    inputs: new Map([
      ['x', tensor(1)],
      ['w', tensor(2)],
    ]),
  }
}

describe('random programs', () => {
  const devices: Device[] = []
  beforeAll(async () => {
    devices.push(
      await openDevice('cpu', { threads: 1 }),
      await openDevice('cpu'),
      await openDevice('cpu', { math: 'fast' }),
    )
  })
  afterAll(() => {
    for (const device of devices) device.dispose()
  })

  it.each(Array.from({ length: 60 }, (_, i) => i + 1))('number %i gives what the reference gives', async (seed) => {
    const { program, inputs } = randomProgram(seed * 7919)
    const text = print(program)
    const expected = evaluate(program, inputs)
    const [one, two, fast] = await Promise.all(devices.map((device) => runProgram(device, text, inputs)))
    for (const [name, want] of Object.entries(expected)) {
      expect(one.get(name)!.shape, text).toEqual(want.shape)
      expect(relativeL2(one.get(name)!.data as Float32Array, want.data as Float32Array), text).toBeLessThan(4e-3)
      expect(relativeL2(fast.get(name)!.data as Float32Array, want.data as Float32Array), text).toBeLessThan(1e-2)
      expect(two.get(name)!.data, text).toEqual(one.get(name)!.data)
    }
  })
})
