/** The cross-chip tables: what was submitted beside what was published. */
import { compareVersions } from '@ane/mil'
import { summarize } from '../bench/machine.js'
import type { BenchResult } from '../bench/result.js'
import type { Bar } from './bar-chart.js'
import { benchmarks } from './benchmarks.js'
import { publishedPeak, publishedTraining } from './published.js'
import type { ProbeFile, Submissions } from './submissions.js'

type Cell = string | number

/** One table, with bars where it has a plot. */
export interface ReportTable {
  readonly name: 'training' | 'peak' | 'compatibility' | 'models' | 'probes' | 'benchmarks'
  readonly title: string
  readonly note: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
  readonly chart?: { readonly unit: string; readonly bars: readonly Bar[] }
}

/** Every table; those nothing was submitted for hold what was published, or no rows. */
export function reportTables(submissions: Submissions): ReportTable[] {
  return [
    training(submissions),
    peak(submissions),
    compatibility(submissions.probes),
    models(submissions),
    probeAnswers(submissions.probes),
    benchmarks(submissions.benches),
  ]
}

const digits = (value: number) => Number(value.toPrecision(4))
const submitted = 'submitted'
const modelled = 'modelled'
const published = 'published'

/** Results of one benchmark. */
const of = (benches: readonly BenchResult[], name: BenchResult['bench']) =>
  benches.filter(({ bench }) => bench === name)

function training({ benches, pipelines }: Submissions): ReportTable {
  const rows: Cell[][] = []
  const add = (where: string, os: string, model: string, pipeline: string, ms: number, kind: string, source: string) =>
    rows.push([where, os, model, pipeline, digits(ms), kind, source])
  for (const { device, machine, settings, measurements } of of(benches, 'step')) {
    const { median } = summarize(measurements[0].samples)
    const pipeline = `${settings.dtype} ${settings.math}`
    const where = `${machine.cpu}, ${device.kind}`
    add(where, machine.platform, String(settings.model), pipeline, median, submitted, 'ane bench step')
  }
  for (const { model, device, machine, pipelines: list } of pipelines) {
    for (const { weights, layers_per_program, host_ops, measured, modelled: chips } of list) {
      const pipeline = `${weights}, ${layers_per_program} layers per program${host_ops.length ? `, host ${host_ops.join('+')}` : ''}`
      const where = `${machine.cpu}, ${device.kind}`
      if ('samples' in measured) {
        const { median } = summarize(measured.samples.map(({ step_ms }) => step_ms))
        add(where, machine.platform, model, pipeline, median, submitted, 'ane bench pipelines')
      }
      for (const chip of chips) {
        if (!('forward_ms' in chip)) continue
        const ms = chip.forward_ms + chip.backward_ms
        add(chip.chip, '', model, pipeline, ms, modelled, 'ane bench pipelines, programs only')
      }
    }
  }
  for (const { chip, os, model, pipeline, ms, source } of publishedTraining)
    add(chip, os, model, pipeline, ms, published, source)
  const bars = rows.map(
    ([where, , model, pipeline, ms, kind]): Bar => ({
      label: `${where}: ${model}, ${pipeline}`,
      value: Number(ms),
      group: String(kind),
    }),
  )
  return {
    name: 'training',
    title: 'Training',
    note: 'Milliseconds per step; medians of what was submitted, the middle of published ranges. Modelled times leave out the host.',
    columns: ['chip or machine', 'OS', 'model', 'pipeline', 'ms per step', 'kind', 'source'],
    rows,
    chart: { unit: 'ms', bars },
  }
}

function peak({ probes, benches }: Submissions): ReportTable {
  const rows: Cell[][] = []
  for (const { chip, os, device, probes: results } of probes) {
    const result = results.find(({ probe }) => probe === 'peak')
    const at = (name: string) => result?.columns.indexOf(name) ?? -1
    const [depth, columns, rate] = ['convolutions', 'columns', 'TFLOP/s'].map(at)
    for (const row of result && rate >= 0 ? result.rows : []) {
      const program = `${row[depth]} conv 512ch, ${row[columns]} columns`
      rows.push([
        chip,
        os,
        program,
        digits(Number(row[rate])),
        device.modelled ? modelled : submitted,
        'ane probe peak',
      ])
    }
  }
  for (const { machine, limits } of of(benches, 'gemm')) {
    if (!limits.flops) continue
    const rate = digits(summarize(limits.flops.samples).median / 1e12)
    const program = `${limits.flops.dtype} multiply-add of the processor`
    rows.push([machine.cpu, machine.platform, program, rate, submitted, 'ane bench gemm'])
  }
  for (const { chip, os, program, tflops, source } of publishedPeak)
    rows.push([chip, os, program, tflops, published, source])
  const bars = rows.map(
    ([chip, , program, value, kind]): Bar => ({
      label: `${chip}: ${program}`,
      value: Number(value),
      group: String(kind),
    }),
  )
  return {
    name: 'peak',
    title: 'Peak throughput',
    note: 'TFLOP/s of stacked 1×1 convolutions, fp16 unless the program says otherwise.',
    columns: ['chip or machine', 'OS', 'program', 'TFLOP/s', 'kind', 'source'],
    rows,
    chart: { unit: 'TFLOP/s', bars },
  }
}

function compatibility(probes: readonly ProbeFile[]): ReportTable {
  const submissions = probes
    .flatMap((file) => {
      const result = file.probes.find(({ probe }) => probe === 'ops')
      return result ? [{ file, summary: result.summary }] : []
    })
    .sort((a, b) => a.file.chip.localeCompare(b.file.chip) || orderOf(a.file.os, b.file.os))
  const operators = [...new Set(submissions.flatMap(({ summary }) => Object.keys(summary)))]
  return {
    name: 'compatibility',
    title: 'MIL compatibility',
    note: 'Results of ane probe ops. A chip marked ~ was simulated.',
    columns: ['operator', ...submissions.map(({ file }) => heading(file))],
    rows: operators.map((name) => [name, ...submissions.map(({ summary }) => String(summary[name] ?? ''))]),
  }
}

/** Versions that are none, such as those of other systems, are all equal. */
function orderOf(a: string, b: string): number {
  const version = /^\d+(\.\d+)*$/
  return version.test(a) && version.test(b) ? compareVersions(a, b) : 0
}

const heading = ({ chip, os, device }: ProbeFile) => `${device.modelled ? '~' : ''}${chip}${os && ` (${os})`}`

function models({ benches, pipelines }: Submissions): ReportTable {
  const seen = new Map<string, Cell[]>()
  for (const { settings, facts, measurements } of of(benches, 'step')) {
    const { parameters, tokens_per_step: tokens } = facts
    const [model, flops] = [String(settings.model), measurements[0].flops ?? 0]
    seen.set(`${model} ${tokens}`, [model, parameters, tokens, digits(flops / 1e9)])
  }
  for (const { model, parameters, seq_len, batch_size } of pipelines) {
    const key = `${model} ${seq_len * batch_size}`
    if (!seen.has(key)) seen.set(key, [model, parameters, seq_len * batch_size, ''])
  }
  for (const { settings, facts } of of(benches, 'gemm')) {
    const [model, columns] = [String(settings.model), Number(settings.seq_len)]
    const key = `${model} ${columns}`
    if (!seen.has(key)) seen.set(key, [model, '', columns, digits(facts.flops_per_step / 1e9)])
  }
  return {
    name: 'models',
    title: 'Model configurations',
    note: 'What the submitted times belong to. Published ones: Stories110M has 109 530 000 parameters and 256 tokens a step.',
    columns: ['model', 'parameters', 'tokens per step', 'GFLOP per step'],
    rows: [...seen.values()],
  }
}

function probeAnswers(probes: readonly ProbeFile[]): ReportTable {
  const answers = probes.flatMap((file) =>
    file.probes
      .filter(({ probe }) => probe !== 'ops')
      .flatMap(({ probe, summary }) =>
        Object.entries(summary).map(([name, value]): Cell[] => [
          heading(file),
          probe,
          name,
          value === null ? 'not told' : typeof value === 'boolean' ? (value ? 'yes' : 'no') : value,
        ]),
      ),
  )
  return {
    name: 'probes',
    title: 'Other probes',
    note: 'A chip marked ~ was simulated.',
    columns: ['chip', 'probe', 'figure', 'value'],
    rows: answers,
  }
}
