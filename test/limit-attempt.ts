/** Runs a program that breaks a limit, and tells what became of it. */

import { allocate, elementCount, type Program, writeBlob } from '@ane/mil'
import type { Device, Executable, Surface } from '@ane/runtime'

/** A file for each weight, of zeros. */
export function zeroFiles({ functions }: Program): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  for (const { operands } of functions.flatMap(({ operations }) => operations)) {
    for (const operand of Object.values(operands)) {
      if (operand.kind !== 'literal' || operand.literal.value.kind !== 'blob') continue
      const { type, value } = operand.literal
      if (type.kind !== 'tensor' || files.has(value.path)) continue
      files.set(value.path, writeBlob(type.dtype, allocate(type.dtype, elementCount(type.shape as number[]))))
    }
  }
  return files
}

/** Runs a program once on numbers that differ everywhere, and reads its outputs. */
function runOnce(device: Device, executable: Executable): Float32Array[] {
  const created: Surface[] = []
  const create = ({ name, shape, dtype }: Executable['inputs'][number]) => {
    created.push(device.createSurface(shape, dtype, name))
    return created.at(-1) as Surface
  }
  try {
    const inputs = executable.inputs.map((port) => {
      const surface = create(port)
      surface.write(Float32Array.from({ length: elementCount(port.shape) }, (_, i) => ((i * 37) % 101) / 64 - 0.5))
      return [port.name, surface] as const
    })
    const outputs = executable.outputs.map((port) => [port.name, create(port)] as const)
    executable.runSync(Object.fromEntries(inputs), Object.fromEntries(outputs))
    return outputs.map(([, surface]) => surface.toFloat32())
  } finally {
    for (const surface of created) surface.dispose()
  }
}

/** What a program failed in. */
export type Stage = 'compile' | 'evaluate' | 'second evaluate'
/** Where it failed and why, or the outputs of the first run. */
export type Outcome = { readonly failed: Stage; readonly message: string } | { readonly outputs: Float32Array[] }

/** Compiles a program and runs it twice. */
export async function attempt(device: Device, mil: string, blobs: ReadonlyMap<string, Uint8Array>): Promise<Outcome> {
  let stage: Stage = 'compile'
  let executable: Executable | undefined
  try {
    executable = await device.compile(mil, { name: 'broken', blobs })
    stage = 'evaluate'
    const outputs = runOnce(device, executable)
    stage = 'second evaluate'
    runOnce(device, executable)
    return { outputs }
  } catch (error) {
    return { failed: stage, message: (error as Error).message }
  } finally {
    executable?.dispose()
  }
}
