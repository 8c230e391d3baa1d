import { dirname } from 'node:path'
import { FormatError, parse } from '@ane/mil'
import { readSafetensors, type SafetensorsDtype, type SafetensorsTensor, writeSafetensors } from '@ane/models'
import { type Device, loadBlobs, type MathMode, type Surface, type SurfaceDtype } from '@ane/runtime'
import { readInputFile } from '../input-file.js'
import { type DeviceFlags, openDeviceFor } from '../options/device-options.js'
import { checkOutputFile } from '../output-file.js'
import { print, printJson, printTable } from '../terminal/output.js'

interface MilRunFlags extends DeviceFlags {
  inputs: string
  outputs: string
  weights?: string
  function: string
  math?: MathMode
  threads?: number
  lenient?: boolean
  json?: boolean
}

const fileDtype: Record<SurfaceDtype, SafetensorsDtype> = {
  fp16: 'F16',
  fp32: 'F32',
  int8: 'I8',
  uint8: 'U8',
  int16: 'I16',
  uint16: 'U16',
  int32: 'I32',
  bool: 'BOOL',
}

/** `ane mil run`: runs one function of a program on the tensors of a file. */
export async function milRun(file: string, flags: MilRunFlags): Promise<void> {
  const text = readInputFile(file).toString('utf8')
  const program = parse(text, { path: file })
  checkOutputFile('--outputs', flags.outputs, [file, flags.inputs])
  const given = await readSafetensors(flags.inputs)
  const device = await openDeviceFor(
    { ...flags, device: flags.device ?? 'cpu' },
    { math: flags.math, threads: flags.threads },
  )
  try {
    const executable = await device.compile(text, {
      name: file,
      function: flags.function,
      blobs: await loadBlobs(program, flags.weights ?? dirname(file)),
      inputShapes: Object.fromEntries([...given].map(([name, tensor]) => [name, tensor.shape])),
      lenientBlobs: flags.lenient,
    })
    const inputs: Record<string, Surface> = {}
    for (const { name, shape, dtype } of executable.inputs)
      inputs[name] = inputSurface(device, given.get(name), { name, shape, dtype }, flags.inputs)
    const outputs: Record<string, Surface> = {}
    for (const { name, shape, dtype } of executable.outputs) outputs[name] = device.createSurface(shape, dtype, name)
    const ms = await executable.run(inputs, outputs)
    const tensors = executable.outputs.map(({ name, shape, dtype }) => ({
      name,
      dtype: fileDtype[dtype],
      shape,
      data: numbersOf(outputs[name]),
    }))
    await writeSafetensors(flags.outputs, tensors)
    report(flags, device, tensors, ms)
  } finally {
    device.dispose()
  }
}

function inputSurface(
  device: Device,
  tensor: SafetensorsTensor | undefined,
  { name, shape, dtype }: { name: string; shape: readonly number[]; dtype: SurfaceDtype },
  path: string,
): Surface {
  if (tensor === undefined) throw new FormatError(`Expected a tensor for the input ${name}, got none.`, { path })
  if (tensor.dtype !== fileDtype[dtype] || tensor.shape.join() !== shape.join())
    throw new FormatError(
      `Expected ${fileDtype[dtype]} [${shape.join(', ')}] for the input ${name}, got ${tensor.dtype} [${tensor.shape.join(', ')}].`,
      { path },
    )
  const surface = device.createSurface(shape, dtype, name)
  surface.write(tensor.data as ArrayLike<number>)
  return surface
}

/** A surface's numbers in the array type of its dtype; fp16 widened to fp32. */
function numbersOf(surface: Surface): SafetensorsTensor['data'] {
  const { buffer, byteOffset, byteLength } = surface.bytes
  switch (surface.dtype) {
    case 'fp16':
    case 'fp32':
      return surface.toFloat32()
    case 'int32':
      return new Int32Array(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer)
    case 'int16':
      return new Int16Array(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer)
    case 'uint16':
      return new Uint16Array(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer)
    case 'int8':
      return new Int8Array(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer)
    case 'uint8':
    case 'bool':
      return new Uint8Array(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer)
  }
}

function report(flags: MilRunFlags, device: Device, tensors: SafetensorsTensor[], ms: number): void {
  const outputs = tensors.map(({ name, dtype, shape }) => ({ output: name, dtype, shape: `[${shape.join(', ')}]` }))
  if (flags.json) {
    printJson({ device: device.description.summary, math: device.description.math, ms, outputs })
    return
  }
  print(`${device.description.summary}, ${device.description.math} math, ${ms.toFixed(3)} ms`)
  printTable(outputs)
}
