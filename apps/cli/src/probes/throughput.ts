/** Speed: dispatch, peak, on-chip memory, 8-bit weights and activations. */
import type { Builder, Value } from '@ane/mil'
import type { AneDevice } from '@ane/runtime'
import { type ProbeContext, withDevice } from './context.js'
import { type Cell, notAvailable, type Probe, type Samples } from './probe.js'
import {
  addition,
  convolutionFlops,
  convolutions,
  filled,
  lowered,
  type ProbeProgram,
  SMALL,
  smallWeights,
} from './programs.js'
import { chipMs, clockMs, compile, type Duration, rounded, samplesOf, timeRuns } from './timing.js'

async function timeProgram(
  context: ProbeContext,
  device: AneDevice,
  program: ProbeProgram,
  shape: readonly number[],
): Promise<Duration[]> {
  const executable = await compile(device, program)
  const [x, y] = [filled(device, shape, 1, 'x'), filled(device, shape, 0, 'y')]
  try {
    return await timeRuns(context, device, executable, { x }, { y })
  } finally {
    for (const each of [executable, x, y]) each.dispose()
  }
}

/** Time of almost nothing, by its number of operations. */
export const dispatch: Probe = {
  name: 'dispatch',
  question: 'What does one run cost before it computes anything?',
  run: (context) =>
    withDevice(context, async (device) => {
      const counts = [1, 2, 4, 8, 16]
      const rows: Cell[][] = []
      const samples: Samples[] = []
      const times: number[] = []
      for (const count of counts) {
        const program =
          count === 1
            ? addition(context, 1)
            : lowered(context, `${count} additions`, (b) => {
                let x: Value = b.input('x', 'fp16', SMALL)
                for (let i = 0; i < count; i++) x = b.add({ x, y: 1 + i })
                b.output(x, 'y')
              })
        const runs = await timeProgram(context, device, program, SMALL)
        times.push(chipMs(runs))
        rows.push([count, rounded(chipMs(runs)), rounded(clockMs(runs))])
        samples.push(...samplesOf(`${count} additions`, runs))
      }
      const { intercept, slope } = line(counts, times)
      return {
        columns: ['additions in one program', 'ms', 'ms by the clock'],
        rows,
        samples,
        summary: { fixed_ms: rounded(intercept), operation_us: rounded(slope * 1000, 2) },
        conclusion: `A run costs ${rounded(intercept)} ms and ${rounded(slope * 1000, 2)} µs for each operation.`,
      }
    }),
}

/** Least squares. */
function line(x: readonly number[], y: readonly number[]): { intercept: number; slope: number } {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [meanX, meanY] = [mean(x), mean(y)]
  const slope =
    x.reduce((sum, value, i) => sum + (value - meanX) * (y[i] - meanY), 0) /
    x.reduce((sum, value) => sum + (value - meanX) ** 2, 0)
  return { intercept: meanY - slope * meanX, slope }
}

/** Stacked convolutions: the dispatch and the traffic are divided by the depth. */
export const peak: Probe = {
  name: 'peak',
  question: 'How fast are stacked 1×1 convolutions of 512 channels?',
  run: (context) =>
    withDevice(context, async (device) => {
      const rows: Cell[][] = []
      const samples: Samples[] = []
      let best = 0
      for (const [depth, columns] of [
        [32, 64],
        [64, 64],
        [128, 64],
        [32, 512],
      ]) {
        const shape = [1, 512, 1, columns]
        const runs = await timeProgram(context, device, convolutions(context, 512, columns, depth), shape)
        const rate = convolutionFlops(512, columns, depth) / chipMs(runs) / 1e9
        best = Math.max(best, rate)
        rows.push([depth, columns, rounded(chipMs(runs)), rounded(rate, 2), rounded(clockMs(runs))])
        samples.push(...samplesOf(`${depth} conv 512ch ${columns} columns`, runs))
      }
      return {
        columns: ['convolutions', 'columns', 'ms', 'TFLOP/s', 'ms by the clock'],
        rows,
        samples,
        summary: { peak_tflops: rounded(best, 2) },
        conclusion: `${best.toFixed(2)} TFLOP/s at best.`,
      }
    }),
}

/** One convolution with weights below and above the 32 MB of on-chip memory. */
export const sram: Probe = {
  name: 'sram',
  question: 'Where do weights stop fitting into on-chip memory, and what does it cost?',
  run: (context) =>
    withDevice(context, async (device) => {
      const columns = 64
      const rows: Cell[][] = []
      const samples: Samples[] = []
      const perMegabyte: { megabytes: number; ms: number }[] = []
      for (const channels of [512, 1024, 2048, 3072, 3840, 4352]) {
        const runs = await timeProgram(context, device, convolutions(context, channels, columns, 1), [
          1,
          channels,
          1,
          columns,
        ])
        const megabytes = (2 * channels * channels) / 2 ** 20
        const ms = chipMs(runs)
        perMegabyte.push({ megabytes, ms: ms / megabytes })
        const rate = convolutionFlops(channels, columns, 1) / ms / 1e9
        const weights = rounded(megabytes, 1)
        rows.push([channels, weights, rounded(ms), rounded(ms / megabytes), rounded(rate, 2), rounded(clockMs(runs))])
        samples.push(...samplesOf(`conv ${channels}ch ${columns} columns`, runs))
      }
      const fits = perMegabyte.filter(({ megabytes }) => megabytes > 16 && megabytes <= 30)
      const above = perMegabyte.filter(({ megabytes }) => megabytes > 32)
      const cost = above[0].ms / fits[fits.length - 1].ms
      return {
        columns: ['channels', 'weights MB', 'ms', 'ms per MB', 'TFLOP/s', 'ms by the clock'],
        rows,
        samples,
        summary: { beyond_32mb_slowdown: rounded(cost, 3) },
        conclusion: `Beyond 32 MB a megabyte of weights takes ${cost.toFixed(2)} times as long.`,
      }
    }),
}

/** 8-bit weights, and 8-bit values between convolutions, against fp16. */
export const int8: Probe = {
  name: 'int8',
  question: 'Do 8-bit weights and activations run, and faster than fp16?',
  run: (context) =>
    withDevice(context, async (device) => {
      const [channels, columns, depth] = [512, 128, 16]
      const shape = [1, channels, 1, columns]
      const forms: [string, string, (b: Builder) => void][] = [
        ['fp16', 'fp16', (b) => stack(b, channels, columns, depth, false, false)],
        ['int8 weights', 'w8', (b) => stack(b, channels, columns, depth, true, false)],
        ['int8 weights and activations', 'w8a8', (b) => stack(b, channels, columns, depth, true, true)],
      ]
      const rows: Cell[][] = []
      const samples: Samples[] = []
      const summary: Record<string, Cell> = {}
      let base: number | undefined
      for (const [name, key, write] of forms) {
        try {
          const runs = await timeProgram(context, device, lowered(context, name, write), shape)
          const ms = chipMs(runs)
          base ??= ms
          rows.push([name, rounded(ms), rounded(base / ms, 3), rounded(clockMs(runs))])
          samples.push(...samplesOf(name, runs))
          summary[`${key}_ms`] = rounded(ms)
        } catch (error) {
          rows.push([name, notAvailable((error as Error).message), null, null])
          summary[`${key}_ms`] = null
        }
      }
      const ran = ['w8_ms', 'w8a8_ms'].filter((key) => summary[key] !== null).length
      return {
        columns: ['form', 'ms', 'speed against fp16', 'ms by the clock'],
        rows,
        samples,
        summary,
        conclusion: `${ran} of 2 forms with 8 bits run${context.modelled ? '; the cost model has no 8-bit rate' : ''}.`,
      }
    }),
}

function stack(
  b: Builder,
  channels: number,
  columns: number,
  depth: number,
  smallWeight: boolean,
  smallValues: boolean,
): void {
  const shape = [channels, channels, 1, 1]
  const data = smallWeights(channels)
  const path = '@model_path/weights/w.bin'
  const scale = 1 / (64 * channels)
  const weight = smallWeight
    ? b.op('constexpr_affine_dequantize', {
        quantized_data: b.constant(
          'int8',
          shape,
          Int8Array.from(data, (value) => Math.round(value / scale)),
          { name: 'w8', path },
        ),
        zero_point: b.constant('int8', [channels], new Int8Array(channels), { name: 'zero' }),
        scale: b.constant('fp16', [channels], new Float32Array(channels).fill(scale), { name: 'scale' }),
        axis: 0,
      })
    : b.constant('fp16', shape, data, { name: 'w', path })
  let x: Value = b.input('x', 'fp16', [1, channels, 1, columns])
  for (let i = 0; i < depth; i++) {
    if (smallValues) {
      const quantized = b.op('quantize', { input: x, scale: b.constant('fp16', [], [0.125]), output_dtype: 'int8' })
      x = b.op('dequantize', { input: quantized, scale: b.constant('fp16', [], [0.125]) })
    }
    x = b.conv({ x, weight })
  }
  b.output(x, 'y')
}
