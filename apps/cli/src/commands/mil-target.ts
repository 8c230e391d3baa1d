import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import {
  checkLimits,
  type LimitDiagnostic,
  type LoweredProgram,
  lower,
  type Program,
  parse,
  print as printProgram,
  relativeBlobPath,
  resolveTarget,
} from '@ane/mil'
import { asUsage, UsageError } from '../exit.js'
import { print, style } from '../terminal/output.js'

/** Flags that ask about a chip. */
export interface TargetFlags {
  readonly target?: string
  readonly os?: string
  readonly fix?: string
}

/** What a chip would say to a program. */
export interface TargetReport {
  readonly target: { readonly chip: string; readonly os: string }
  readonly limits: readonly LimitDiagnostic[]
}

/** A lowered program on disk. */
export interface WrittenProgram extends Pick<LoweredProgram, 'applied' | 'renamed'> {
  readonly file: string
  /** Weight files that were written, relative to the folder of `file`. */
  readonly weights: readonly string[]
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
 * @throws {UsageError} if a weight file of another content is in the way
 */
export async function writeLowered(
  program: Program,
  blobs: Map<string, Uint8Array> | undefined,
  weights: string,
  file: string,
  { target }: TargetReport,
): Promise<WrittenProgram> {
  const lowered = lower(program, { ...target, ...(blobs && { blobs }) })
  const text = printProgram(lowered.program)
  const folder = dirname(file)
  const files = [...lowered.blobs].map(([path, bytes]) => ({ name: relativeBlobPath(path), bytes }))
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
  return { file, weights: missing.map(({ name }) => name), note, applied, renamed, remaining }
}

const COLOURS = { error: 'red', warning: 'yellow', info: 'dim' } as const

/** One line per broken limit, and what to do about it. */
export function printLimits(file: string, limits: readonly LimitDiagnostic[]): void {
  for (const diagnostic of limits) {
    const { severity, rule, symptom, evidence, op, operation, message, fix, line, column, repairable } = diagnostic
    const where = line === undefined ? file : `${file}:${line}:${column ?? 1}`
    const what = [op, operation].filter((part) => part !== undefined).join(' ')
    const head = `${where}: ${style(COLOURS[severity], severity)}: ${rule}${what ? ` ${what}` : ''}: ${message}`
    print(`${head} [${symptom}; ${evidence}]${fix ? ` Fix: ${fix}${repairable ? ' (--fix does.)' : ''}` : ''}`)
  }
}
