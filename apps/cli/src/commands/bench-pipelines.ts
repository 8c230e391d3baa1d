import { resolveTarget } from '@ane/mil'
import { parameterCount } from '@ane/models'
import { formatBytes, formatCount } from '@ane/telemetry'
import { machine, summarize } from '../bench/machine.js'
import {
  type MeasuredPipeline,
  type ModelledPipeline,
  measurePipeline,
  modelPipelines,
  type Pipeline,
  pipelines,
  type Refusal,
} from '../bench/pipelines.js'
import { asUsage } from '../exit.js'
import { expectMemoryFor } from '../memory.js'
import { type DeviceFlags, describeModelDevice, openDeviceFor } from '../options/device-options.js'
import { presetFlag } from '../options/preset.js'
import { print, printFacts, printJson, printTable } from '../terminal/output.js'

interface BenchPipelinesFlags extends DeviceFlags {
  model: string
  seqLen: number
  batchSize: number
  steps: number
  threads?: number
  chips: string
  json?: boolean
}

type Row = Pipeline & { measured: MeasuredPipeline | Refusal; modelled: (ModelledPipeline | Refusal)[] }

/** `ane bench pipelines`: every way to cut a training step into programs, measured here and modelled on chips. */
export async function benchPipelines(flags: BenchPipelinesFlags): Promise<void> {
  const config = presetFlag('--model', flags.model)
  const { seqLen, batchSize, steps } = flags
  const chips = await chipsFlag(flags.chips)
  expectMemoryFor(config, { batchSize, seqLen, dtype: 'fp16' })
  const workload = { config, seqLen, batchSize }
  const list = pipelines(config)
  const device = await openDeviceFor({ ...flags, device: flags.device ?? 'cpu' }, { threads: flags.threads })
  const measured: (MeasuredPipeline | Refusal)[] = []
  const { description } = device
  try {
    for (const pipeline of list) measured.push(await asUsage(() => measurePipeline(device, workload, pipeline, steps)))
  } finally {
    device.dispose()
  }
  const modelled: (ModelledPipeline | Refusal)[][] = []
  for (const chip of chips) modelled.push(await modelPipelines(chip, workload, list))
  const rows = list.map(
    (pipeline, i): Row => ({ ...pipeline, measured: measured[i], modelled: modelled.map((chip) => chip[i]) }),
  )
  if (flags.json) {
    const size = { parameters: parameterCount(config), seq_len: seqLen, batch_size: batchSize }
    printJson({ model: flags.model, ...size, device: description, machine: machine(), pipelines: rows })
    return
  }
  printFacts([
    ['machine', `${machine().cpu}, ${machine().cores} cores`],
    ['device', describeModelDevice(description, 'fp16')],
    ['model', `${flags.model}, ${formatCount(parameterCount(config))} parameters, ${batchSize * seqLen} tokens a step`],
  ])
  print()
  printTable(rows.map(tableRow))
  print(
    'A column with a ~ is modelled from published figures, not measured: programs on that chip, forward + backward,',
  )
  print('without host work. A rule such as C-60 is why the chip refuses a program; ane mil check explains it.')
}

/** Chips by name, checked. @throws {UsageError} for a chip nobody knows */
function chipsFlag(text: string): Promise<string[]> {
  const names = text === 'none' ? [] : text.split(',').map((name) => name.trim())
  return asUsage(async () => names.map((chip) => resolveTarget({ chip }).chip.name))
}

function tableRow({ weights, layers_per_program, host_ops, measured, modelled }: Row): Record<string, string> {
  const median = (part: keyof MeasuredPipeline['samples'][number]) =>
    'refused' in measured ? '' : summarize(measured.samples.map((sample) => sample[part])).median.toFixed(2)
  return {
    weights,
    layers: String(layers_per_program),
    host: host_ops.join(',') || 'none',
    ...('refused' in measured
      ? { programs: measured.refused, 'per 1000 steps': '', 'fwd + bwd': '', surfaces: '' }
      : {
          programs: String(measured.programs),
          'per 1000 steps': String(measured.compiles_per_1000_steps),
          'fwd + bwd': `${measured.dispatches_forward} + ${measured.dispatches_backward}`,
          surfaces: formatBytes(measured.surface_bytes_per_step),
        }),
    'host ms': median('host_ms'),
    'compile ms': median('compile_ms'),
    'step ms': median('step_ms'),
    ...Object.fromEntries(
      modelled.map((result) => [
        `~${result.chip} ms`,
        'refused' in result ? result.refused : `${result.forward_ms.toFixed(2)} + ${result.backward_ms.toFixed(2)}`,
      ]),
    ),
  }
}
