/** One token through every weight of a model, as decoding reads them. */
import { print } from '@ane/mil'
import { cutSegments, elementCount, type ModelConfig, segmentProgram } from '@ane/models'
import { type Device, type Schedule, type Surface, transposed, view } from '@ane/runtime'
import { noise } from './weight-products.js'

/** A forward pass over one token that attends to itself only. */
export interface OneToken {
  readonly schedule: Schedule
  /** Bytes of all weights, fp16; every one is read once. */
  readonly weightBytes: number
  readonly flops: number
}

/** A surface of the shape with values of about 0.05. */
function filled(device: Device, shape: readonly number[], name: string): Surface {
  const surface = device.createSurface(shape, 'fp16', name)
  surface.write(noise(elementCount(shape)))
  return surface
}

/**
 * Compiles a layer's program for one column and records it once per layer, each with weights of its own, then the
 * classifier. There is no cache of keys and values, so this is decoding's first token, and the bandwidth its bound.
 */
export async function recordOneToken(device: Device, config: ModelConfig): Promise<OneToken> {
  const { hidden_size: C, vocab_size: V } = config
  const segments = cutSegments(config, 1)
  const { program, blobs } = segmentProgram(config, segments[0], { batchSize: 1, seqLen: 1, dtype: 'fp16' })
  const executable = await device.compile(print(program), { name: 'layer of one token', blobs })
  const schedule = device.createSchedule()
  let weightBytes = 0
  let stream = filled(device, [1, C, 1, 1], 'x')
  for (const { label, weights } of segments) {
    const isWeight = new Set(weights.map(({ parameter }) => parameter))
    const inputs: Record<string, Surface> = {}
    for (const { name, shape } of executable.inputs) {
      inputs[name] = isWeight.has(name) ? filled(device, shape, name) : stream
      if (isWeight.has(name)) weightBytes += 2 * elementCount(shape)
    }
    const y = device.createSurface([1, C, 1, 1], 'fp16', 'y')
    schedule.run(executable, inputs, { y }, { label, group: 'device_forward' })
    stream = y
  }
  const normed = view(noise(C), { rows: C, cols: 1 })
  const head = view(filled(device, [1, V, 1, C], 'head'), { rows: V, cols: C })
  const logits = view(new Float32Array(V), { rows: 1, cols: V })
  const operands = { a: transposed(normed), b: transposed(head), out: logits, accumulate: 0 }
  schedule.kernel('gemm', operands, { label: 'classifier', group: 'host' })
  weightBytes += 2 * V * C
  return { schedule, weightBytes, flops: segments.length * executable.flops + 2 * V * C }
}
