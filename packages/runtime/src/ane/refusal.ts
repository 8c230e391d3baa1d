/** What is known about a program a Neural Engine does not take. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { checkLimits, FormatError, type LowerOptions, parse, type Target, verify } from '@ane/mil'

/**
 * What the validator says to the text of a refused program: why it is no program, else the limits of the chip it breaks,
 * the severest in full, else that none is known.
 */
export function diagnosis(mil: string, target: Required<Target>): string {
  try {
    const program = parse(mil)
    const wrong = verify(program).find(({ severity }) => severity === 'error')
    if (wrong !== undefined) return `The program is wrong itself${at(wrong.line)}: ${wrong.message}`
    const where = `${target.chip} with macOS ${target.os}`
    const [first, ...others] = checkLimits(program, target).filter(({ severity }) => severity !== 'info')
    if (first === undefined) return `It breaks no known limit of ${where}.`
    const { rule, severity, line, message, fix, option } = first
    const rest = [...new Set(others.map((other) => other.rule))].filter((id) => id !== rule)
    return [
      `It breaks limit ${rule} of ${where} (${severity}${at(line)}): ${message}`,
      ...(fix === undefined ? [] : [fix]),
      ...(option === undefined ? [] : [`lower does with ${spellOption(option)}.`]),
      ...(rest.length === 0 ? [] : [`It also breaks ${rest.join(', ')}.`]),
    ].join(' ')
  } catch (error) {
    if (error instanceof FormatError) return `The text cannot be read: ${error.message}`
    throw error
  }
}

const spellOption = (option: LowerOptions) =>
  Object.entries(option)
    .map(([name, value]) => `${name}: '${value}'`)
    .join(', ')

const at = (line: number | undefined) => (line === undefined ? '' : `, line ${line}`)

/** Writes the text of a refused program to `folder` and says where it is, or why it is nowhere. */
export function dumpRefused(folder: string, mil: string, name: string): string {
  const file = path.join(folder, `${name.replace(/[^\w.-]+/g, '_')}.mil`)
  try {
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, mil)
    return `The program is in ${file}.`
  } catch (cause) {
    return `The program could not be written to ${file}: ${(cause as Error).message}.`
  }
}
