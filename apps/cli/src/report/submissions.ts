/** Reading what people submit: files of `ane probe` and `ane bench` with `--json`. */
import { z } from 'zod'
import { type BenchResult, benchFile } from '../bench/result.js'
import { UsageError } from '../exit.js'
import { readInputFile } from '../input-file.js'

const cell = z.union([z.string(), z.number(), z.boolean(), z.null()])
const milliseconds = z.number().nonnegative()
const machine = z.object({ cpu: z.string(), platform: z.string() })
const device = z.object({ kind: z.string(), summary: z.string() })

const probeFile = z.object({
  schema: z.literal('ane-probe'),
  schema_version: z.literal(1),
  chip: z.string(),
  os: z.string(),
  build: z.string().nullable(),
  commit: z.string().nullable(),
  device: device.extend({ modelled: z.boolean() }),
  probes: z.array(
    z.object({
      probe: z.string(),
      columns: z.array(z.string()),
      rows: z.array(z.array(cell)),
      summary: z.record(z.string(), cell),
    }),
  ),
})

const refusal = z.object({ refused: z.string() })
const pipelinesFile = z.object({
  model: z.string(),
  parameters: z.number(),
  seq_len: z.number(),
  batch_size: z.number(),
  device,
  machine,
  pipelines: z.array(
    z.object({
      weights: z.string(),
      layers_per_program: z.union([z.string(), z.number()]),
      host_ops: z.array(z.string()),
      measured: z.union([
        refusal,
        z.object({ programs: z.number(), samples: z.array(z.object({ step_ms: milliseconds })).min(1) }),
      ]),
      modelled: z.array(
        z.union([
          refusal.extend({ chip: z.string().optional() }),
          z.object({ chip: z.string(), forward_ms: milliseconds, backward_ms: milliseconds }),
        ]),
      ),
    }),
  ),
})

export type ProbeFile = z.infer<typeof probeFile>
export type PipelinesFile = z.infer<typeof pipelinesFile>

/** All submitted files by kind, in the order given. */
export interface Submissions {
  readonly probes: ProbeFile[]
  readonly benches: BenchResult[]
  readonly pipelines: PipelinesFile[]
}

/** No submission is near this size; a larger file is something else. */
const MOST_BYTES = 64 * 1024 * 1024

/** @throws {UsageError} naming the first file that cannot be read or is neither, and why */
export function readSubmissions(paths: readonly string[]): Submissions {
  const all: Submissions = { probes: [], benches: [], pipelines: [] }
  for (const path of paths) {
    const content = readJson(path)
    const has = (key: string) => typeof content === 'object' && content !== null && key in content
    if (has('schema') && (content as { schema: unknown }).schema === 'ane-bench')
      all.benches.push(checked(benchFile, content, path, 'ane bench'))
    else if (has('schema')) all.probes.push(checked(probeFile, content, path, 'ane probe'))
    else if (has('pipelines')) all.pipelines.push(checked(pipelinesFile, content, path, 'ane bench pipelines'))
    else throw new UsageError(`Expected output of ane probe or ane bench (with --json) in ${path}, got another file.`)
  }
  return all
}

/** The content of a JSON file. @throws {UsageError} if it cannot be read, is too large or is no JSON */
export function readJson(path: string): unknown {
  const bytes = readInputFile(path)
  if (bytes.length > MOST_BYTES)
    throw new UsageError(`Expected at most ${MOST_BYTES} bytes in ${path}, got ${bytes.length}.`)
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw new UsageError(`Expected JSON in ${path}, got ${(cause as Error).message}.`, { cause })
  }
}

function checked<T>(schema: z.ZodType<T>, content: unknown, path: string, command: string): T {
  const { success, data, error } = schema.safeParse(content)
  if (success) return data
  const { path: at, message } = error.issues[0]
  throw new UsageError(`Expected output of ${command} in ${path}, got a wrong ${at.join('.') || 'value'}: ${message}.`)
}
