import { dirname } from 'node:path'
import { type Diagnostic, FormatError, type Program, parse, verify } from '@ane/mil'
import { loadBlobs } from '@ane/runtime'
import { exitCode, UsageError } from '../exit.js'
import { readInputFile } from '../input-file.js'
import { print, printJson, style } from '../terminal/output.js'
import {
  checkTarget,
  printLimits,
  printWidened,
  type TargetFlags,
  type TargetReport,
  writeLowered,
} from './mil-target.js'

/** Flags of `ane mil check`. */
interface CheckFlags extends TargetFlags {
  readonly weights?: string
  readonly json?: boolean
}

/** What is known about a program file. */
interface Examined {
  readonly diagnostics: readonly Diagnostic[]
  /** Absent when the text cannot be read. */
  readonly program?: Program
  /** Absent when a weight file is missing or damaged. */
  readonly blobs?: Map<string, Uint8Array>
}

/** `ane mil check`: what is wrong with a program, and what a chip would not take, by line and column. */
export async function milCheck(file: string, flags: CheckFlags): Promise<void> {
  for (const name of ['os', 'fix'] as const) {
    if (flags[name] !== undefined && !flags.target) throw new UsageError(`Expected --target with --${name}, got none.`)
  }
  if (flags.padWidths && flags.fix === undefined) throw new UsageError('Expected --fix with --pad-widths, got none.')
  const weights = flags.weights ?? dirname(file)
  const { program, blobs, diagnostics } = await examine(file, weights)
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length
  const sound = errors === 0 ? program : undefined
  const report = await checkTarget(program, flags)
  const fixing = report && { target: report.target, padWidths: flags.padWidths }
  const fix =
    fixing && sound && flags.fix
      ? await writeLowered(sound, blobs, { source: file, weights }, flags.fix, fixing)
      : undefined
  const refused = fix ? fix.remaining : (report?.limits ?? [])
  const total = errors + refused.filter(({ severity }) => severity === 'error').length
  if (flags.json) printJson({ file, ok: total === 0, diagnostics, ...report, ...(fix && { fix }) })
  else {
    for (const { severity, line, column, message } of diagnostics) {
      const where = line === undefined ? file : `${file}:${line}:${column ?? 1}`
      print(`${where}: ${style(severity === 'error' ? 'red' : 'yellow', severity)}: ${message}`)
    }
    if (report) printLimits(file, report.limits)
    if (fix) {
      print(`${fix.file}: ${fix.applied.map(({ id, count }) => `${id} ×${count}`).join(', ') || 'nothing to repair'}`)
      for (const [from, to] of Object.entries(fix.renamed)) print(`${fix.file}: renamed ${from} to ${to}`)
      printWidened(fix)
      print(`${fix.file}: ${fix.note}`)
      printLimits(fix.file, fix.remaining)
    } else if (report && flags.fix) print(`${flags.fix}: not written, since the program itself is wrong`)
    print(verdict(fix?.file ?? file, total, report))
  }
  if (total > 0) process.exitCode = exitCode.failed
}

function verdict(file: string, errors: number, report: TargetReport | undefined): string {
  const where = report ? ` on ${report.target.chip} (macOS ${report.target.os})` : ''
  return errors === 0 ? `${file}: ok${where}` : `${file}: ${errors} error${errors === 1 ? '' : 's'}${where}`
}

async function examine(file: string, weights: string): Promise<Examined> {
  const text = readInputFile(file).toString('utf8')
  let program: Program
  try {
    program = parse(text, { path: file })
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    const { line, column } = error
    const message = error.message.replace(`${file}:${line}:${column}: `, '')
    return { diagnostics: [{ severity: 'error', message, line, column }] }
  }
  try {
    const blobs = await loadBlobs(program, weights)
    return { program, blobs, diagnostics: verify(program, { blobs }) }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return { program, diagnostics: [...verify(program), { severity: 'error', message: error.message }] }
  }
}
