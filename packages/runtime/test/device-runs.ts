/** Running one program on a device with tensors in and out, for tests. */
import { allocate, decodeFp16, elementCount, type Tensor } from '@ane/mil'
import type { CompileOptions, Device, SurfaceDtype } from '../src/index.js'

/** Runs a program once; inputs and outputs by name, fp16 held as fp32 numbers. */
export async function runProgram(
  device: Device,
  mil: string,
  inputs: ReadonlyMap<string, Tensor>,
  options: CompileOptions = {},
): Promise<Map<string, Tensor>> {
  const inputShapes = Object.fromEntries([...inputs].map(([name, { shape }]) => [name, shape]))
  const executable = await device.compile(mil, { inputShapes, ...options })
  const surface = ({ name, shape, dtype }: { name: string; shape: readonly number[]; dtype: SurfaceDtype }) =>
    [name, device.createSurface(shape, dtype, name)] as const
  const given = Object.fromEntries(executable.inputs.map(surface))
  const results = Object.fromEntries(executable.outputs.map(surface))
  try {
    for (const [name, input] of Object.entries(given)) {
      const tensor = inputs.get(name)
      if (!tensor) throw new TypeError(`Expected a tensor for input ${name}, got none.`)
      input.write(tensor.data as ArrayLike<number>)
    }
    await executable.run(given, results)
    return new Map(
      executable.outputs.map(({ name, dtype, shape }) => [name, readTensor(results[name].bytes, dtype, shape)]),
    )
  } finally {
    for (const each of [...Object.values(given), ...Object.values(results), executable]) each.dispose()
  }
}

function readTensor(bytes: Uint8Array, dtype: SurfaceDtype, shape: readonly number[]): Tensor {
  const { buffer } = bytes.slice()
  if (dtype === 'fp16') return { dtype, shape, data: decodeFp16(new Uint16Array(buffer)) }
  const data = allocate(dtype, elementCount(shape))
  new Uint8Array(data.buffer).set(bytes)
  return { dtype, shape, data }
}
