import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Diagnostic, FormatError, type Program, parse, verify } from '@ane/mil'
import { loadBlobs } from '@ane/runtime'
import { exitCode } from '../exit.js'
import { print, printJson, style } from '../terminal/output.js'

/** `ane mil check`: what is wrong with a program, by line and column. */
export async function milCheck(file: string, flags: { weights?: string; json?: boolean }): Promise<void> {
  const diagnostics = await diagnose(file, flags.weights ?? dirname(file))
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length
  if (flags.json) printJson({ file, ok: errors === 0, diagnostics })
  else {
    for (const { severity, line, column, message } of diagnostics) {
      const where = line === undefined ? file : `${file}:${line}:${column ?? 1}`
      print(`${where}: ${style(severity === 'error' ? 'red' : 'yellow', severity)}: ${message}`)
    }
    print(errors === 0 ? `${file}: ok` : `${file}: ${errors} error${errors === 1 ? '' : 's'}`)
  }
  if (errors > 0) process.exitCode = exitCode.failed
}

async function diagnose(file: string, weights: string): Promise<Diagnostic[]> {
  const text = readFileSync(file, 'utf8')
  let program: Program
  try {
    program = parse(text, { path: file })
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    const { line, column } = error
    const message = error.message.replace(`${file}:${line}:${column}: `, '')
    return [{ severity: 'error', message, line, column }]
  }
  try {
    return verify(program, { blobs: await loadBlobs(program, weights) })
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return [...verify(program), { severity: 'error', message: error.message }]
  }
}
