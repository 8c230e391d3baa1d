import { type Command, Option } from 'commander'
import { distance } from 'fastest-levenshtein'
import { UsageError } from '../exit.js'

/** One setting: how it is spelled as a flag, in a configuration file and in run.json, and what it may be. */
export type OptionRow = NumberRow | TextRow | SwitchRow

interface NumberRow extends Row {
  readonly type: 'integer' | 'number'
  /** The smallest number allowed; `Number.MIN_VALUE` for any above 0. */
  readonly least: number
  /** The largest number allowed. */
  readonly most?: number
}

interface TextRow extends Row {
  readonly type: 'string'
}

interface SwitchRow extends Row {
  readonly type: 'boolean'
}

interface Row {
  /** Name in code; the flag is its kebab-case, the key on disk its snake_case. */
  readonly name: string
  /** Shown for the value in the help. */
  readonly value?: string
  readonly help: string
  readonly group: string
  /** Taken by the flag when it is not given, and shown in the help. */
  readonly fallback?: OptionValue
  /** The only words allowed; for numbers, words allowed besides numbers. */
  readonly words?: readonly string[]
  readonly aliases?: readonly string[]
  /** May the flag stand without a value (true)? */
  readonly optionalValue?: boolean
  /** The flag is `--no-<name>` and sets false. */
  readonly negated?: boolean
  /** Not read from or written to files. */
  readonly flagOnly?: boolean
}

export type OptionValue = string | number | boolean
export type OptionValues = Record<string, OptionValue | undefined>

export const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
export const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/**
 * Reads a value of a row, from a flag (text) or a file (already typed).
 *
 * @param where how to name the setting in an error: the flag, or path and key
 * @throws {UsageError} if it is not of the row's kind
 */
export function readValue(row: OptionRow, given: unknown, where: string): OptionValue {
  const expected = (what: string) => new UsageError(`Expected ${what} for ${where}, got ${JSON.stringify(given)}.`)
  if (row.words && typeof given === 'string' && row.words.includes(given)) return given
  if (row.type === 'boolean') {
    if (typeof given === 'boolean') return given
    throw expected('true or false')
  }
  if (row.type === 'string') {
    if (row.words) throw expected(`one of ${row.words.join(', ')}`)
    if (row.optionalValue && given === true) return true
    if (typeof given === 'string' && given !== '') return given
    throw expected('text')
  }
  const number = typeof given === 'string' && given.trim() !== '' ? Number(given) : given
  const kind = row.type === 'integer' ? Number.isSafeInteger : Number.isFinite
  const { least, most = Number.MAX_VALUE } = row
  if (typeof number === 'number' && kind(number) && number >= least && number <= most) return number
  throw expected([describeNumber(row), ...(row.words ?? [])].join(' or '))
}

function describeNumber({ type, least, most }: NumberRow): string {
  const whole = type === 'integer' ? 'whole ' : ''
  if (least === Number.MIN_VALUE) return `a positive ${whole}number`
  return `a ${whole}number ${most === undefined ? `of at least ${least}` : `from ${least} to ${most}`}`
}

/** The commander options of a row: the documented flag first, then hidden ones for its aliases. */
export function commanderOptions(row: OptionRow): Option[] {
  const placeholder = row.type === 'boolean' ? '' : row.optionalValue ? ` [${row.value}]` : ` <${row.value ?? 'n'}>`
  return [kebab(row.name), ...(row.aliases ?? [])].map((flag, index) => {
    const option = new Option(`--${row.negated ? 'no-' : ''}${flag}${placeholder}`, row.help)
    if (row.type !== 'boolean') option.argParser((text: string) => readValue(row, text, `--${flag}`))
    if (row.fallback !== undefined) option.default(row.fallback)
    if (index > 0) option.hideHelp()
    option.helpGroup(`${row.group}:`)
    return option
  })
}

/** Adds the options of all rows to a command. */
export function addOptions(command: Command, rows: readonly OptionRow[]): Command {
  for (const row of rows) for (const option of commanderOptions(row)) command.addOption(option)
  return command
}

/** Collects what commander parsed under the row names, aliases resolved. @throws {UsageError} if a setting is given twice */
export function collectFlags(rows: readonly OptionRow[], parsed: Record<string, unknown>): OptionValues {
  const values: OptionValues = {}
  const camel = (flag: string) => flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
  for (const row of rows) {
    const given = [row.name, ...(row.aliases ?? []).map(camel)].filter(
      // Commander takes a flag that is not given for the opposite of a negated one.
      (name) => parsed[name] !== undefined && !(row.negated && parsed[name] === true),
    )
    if (given.length > 1)
      throw new UsageError(`Expected ${given.map((name) => `--${kebab(name)}`).join(' or ')}, got both.`)
    if (given.length === 1) values[row.name] = parsed[given[0]] as OptionValue
  }
  return values
}

/** Values as they are written to files, by their snake_case keys. */
export function toFile(rows: readonly OptionRow[], values: OptionValues): Record<string, OptionValue> {
  const kept = rows.filter((row) => !row.flagOnly && values[row.name] !== undefined)
  return Object.fromEntries(kept.map((row) => [snake(row.name), values[row.name] as OptionValue]))
}

/**
 * Reads the settings of a file by their snake_case keys.
 *
 * @throws {UsageError} naming the path and the first unknown key or wrong value, with the nearest known key
 */
export function fromFile(rows: readonly OptionRow[], content: unknown, path: string): OptionValues {
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw new UsageError(
      `Expected settings as "key: value" lines in ${path}, got ${JSON.stringify(content)?.slice(0, 60)}.`,
    )
  const known = new Map(rows.filter((row) => !row.flagOnly).map((row) => [snake(row.name), row]))
  const values: OptionValues = {}
  for (const [key, given] of Object.entries(content)) {
    const row = known.get(key)
    if (!row)
      throw new UsageError(`Expected a known setting in ${path}, got ${key}.${didYouMean(key, [...known.keys()])}`)
    values[row.name] = readValue(row, given, `${key} in ${path}`)
  }
  return values
}

/** ` Did you mean x?` for the nearest candidate, or nothing when none is near. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const near = candidates
    .map((candidate) => ({ candidate, steps: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, steps }) => steps <= Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3)))
    .sort((a, b) => a.steps - b.steps)
  return near.length > 0 ? ` Did you mean ${near[0].candidate}?` : ''
}
