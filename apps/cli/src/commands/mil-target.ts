import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import {
  blobPaths,
  checkLimits,
  type LimitDiagnostic,
  type LoweredProgram,
  lower,
  type Program,
  parse,
  print as printProgram,
  relativeBlobPath,
  resolveTarget,
  type Value,
} from '@ane/mil'
import { asUsage, UsageError } from '../exit.js'
import { checkOutputFile } from '../output-file.js'
import { print, style } from '../terminal/output.js'

/** Flags that ask about a chip. */
export interface TargetFlags {
  readonly target?: string
  readonly os?: string
  readonly fix?: string
  readonly padWidths?: boolean
}

/** What a chip would say to a program. */
export interface TargetReport {
  readonly target: { readonly chip: string; readonly os: string }
  readonly limits: readonly LimitDiagnostic[]
}

/** An input or output that became wider. */
interface WidenedPort {
  /** In the written program. */
  readonly name: string
  readonly kind: 'input' | 'output'
  readonly from: readonly number[]
  readonly to: readonly number[]
}

/** Where a program was read. */
interface ProgramPlace {
  readonly source: string
  /** The folder of its weight files. */
  readonly weights: string
}

/** A lowered program on disk. */
export interface WrittenProgram extends Pick<LoweredProgram, 'applied' | 'renamed'> {
  readonly file: string
  /** Weight files that were written, relative to the folder of `file`. */
  readonly weights: readonly string[]
  /** Inputs and outputs whose rows became wider; what was there stays in front. */
  readonly widened: readonly WidenedPort[]
  /** Where the weight files are. */
  readonly note: string
  /** Limits the new program still breaks, with lines of the new file. */
  readonly remaining: readonly LimitDiagnostic[]
}

/**
 * Checks a program against the chip of `--target`; undefined without one.
 *
 * @throws {UsageError} if chip or version are unknown
 */
export async function checkTarget(program: Program | undefined, flags: TargetFlags): Promise<TargetReport | undefined> {
  if (flags.target === undefined) return undefined
  const asked = { chip: flags.target, ...(flags.os !== undefined && { os: flags.os }) }
  const { chip, os } = await asUsage(() => resolveTarget(asked))
  const target = { chip: chip.name, os }
  return { target, limits: program ? checkLimits(program, target) : [] }
}

/**
 * Writes the lowered program and the weight files it needs beside it; existing files with the same bytes stay.
 *
 * @throws {UsageError} if a weight file of another content is in the way, or `file` is the program or one of its weights
 */
export async function writeLowered(
  program: Program,
  blobs: Map<string, Uint8Array> | undefined,
  { source, weights }: ProgramPlace,
  file: string,
  { target, padWidths }: { readonly target: TargetReport['target']; readonly padWidths?: boolean | undefined },
): Promise<WrittenProgram> {
  const lowered = lower(program, { ...target, ...(blobs && { blobs }), ...(padWidths && { widths: 'pad' }) })
  const text = printProgram(lowered.program)
  const folder = dirname(file)
  const files = [...lowered.blobs].map(([path, bytes]) => ({ name: relativeBlobPath(path), bytes }))
  const read = blobPaths(program).map((path) => join(weights, relativeBlobPath(path)))
  checkOutputFile('--fix', file, [source, ...read, ...files.map(({ name }) => join(folder, name))])
  const missing = files.filter(({ name, bytes }) => {
    const place = join(folder, name)
    if (!existsSync(place)) return true
    if (!readFileSync(place).equals(bytes))
      throw new UsageError(`Expected no other file at ${place} for --fix, got one.`)
    return false
  })
  for (const { name, bytes } of missing) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), bytes)
  }
  writeFileSync(file, text)
  const same = resolve(folder) === resolve(weights)
  const note =
    files.length === 0
      ? 'no weight files'
      : missing.length === 0
        ? 'weight files unchanged'
        : `wrote ${missing.length} weight file${missing.length === 1 ? '' : 's'}${same ? '' : ` from ${weights}`}`
  const { applied, renamed } = lowered
  const remaining = checkLimits(parse(text, { path: file }), target)
  const widened = widenedPorts(program, lowered)
  return { file, weights: missing.map(({ name }) => name), note, applied, renamed, widened, remaining }
}

function widenedPorts(program: Program, { program: written, renamed }: LoweredProgram): WidenedPort[] {
  const sizes = (value: Value) => (value.type.kind === 'tensor' ? (value.type.shape as number[]) : [])
  return program.functions.flatMap((func, i) =>
    (['input', 'output'] as const).flatMap((kind) =>
      func[`${kind}s`].flatMap((value): WidenedPort[] => {
        const name = renamed[value.name] ?? value.name
        const found = written.functions[i][`${kind}s`].find((candidate) => candidate.name === name)
        const [from, to] = [sizes(value), found ? sizes(found) : []]
        return found && from.at(-1) !== to.at(-1) ? [{ name, kind, from, to }] : []
      }),
    ),
  )
}

/** One line per input and output that became wider, saying how its surface must be laid out. */
export function printWidened({ file, widened }: WrittenProgram): void {
  for (const { name, kind, from, to } of widened) {
    const [data, columns] = [from.at(-1), to.at(-1)]
    const rest = kind === 'input' ? 'the others are not read' : 'the others are 0'
    const layout = `each row has ${columns} columns, of which the first ${data} are the data and ${rest}`
    print(`${file}: ${kind} ${name} is [${to.join(', ')}] instead of [${from.join(', ')}]: ${layout}`)
  }
}

const COLOURS = { error: 'red', warning: 'yellow', info: 'dim' } as const

/** Which flags repair a limit. */
function fixFlag({ repairable, option }: LimitDiagnostic): string {
  if (repairable) return ' (--fix does.)'
  return option?.widths === 'pad' ? ' (--fix with --pad-widths does.)' : ''
}

/** One line per broken limit, and what to do about it. */
export function printLimits(file: string, limits: readonly LimitDiagnostic[]): void {
  for (const diagnostic of limits) {
    const { severity, rule, symptom, evidence, op, operation, message, fix, line, column } = diagnostic
    const where = line === undefined ? file : `${file}:${line}:${column ?? 1}`
    const what = [op, operation].filter((part) => part !== undefined).join(' ')
    const head = `${where}: ${style(COLOURS[severity], severity)}: ${rule}${what ? ` ${what}` : ''}: ${message}`
    print(`${head} [${symptom}; ${evidence}]${fix ? ` Fix: ${fix}${fixFlag(diagnostic)}` : ''}`)
  }
}
