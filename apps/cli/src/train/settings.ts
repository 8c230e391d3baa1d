import { existsSync, readFileSync } from 'node:fs'
import { parse as parseYaml, YAMLParseError } from 'yaml'
import { UsageError } from '../exit.js'
import { collectFlags, fromFile, type OptionValues, snake } from '../options/table.js'
import { trainOptions } from '../options/train-options.js'

/** Settings of `ane train` as the user gave them, by row name. */
export type Settings = OptionValues

/**
 * Flags over the configuration file; `--scratch` folded into `--init`.
 *
 * @throws {UsageError} if settings contradict each other or the file has a wrong one
 */
export function givenSettings(flags: Record<string, unknown>): Settings {
  const fromFlags = collectFlags(trainOptions, flags)
  const fromConfig = typeof fromFlags.config === 'string' ? readConfigFile(fromFlags.config) : {}
  const settings = { ...fromConfig, ...fromFlags }
  if (settings.scratch) {
    if (fromFlags.init !== undefined && fromFlags.init !== 'scratch')
      throw new UsageError(`Expected --scratch or --init ${fromFlags.init}, got both.`)
    settings.init = 'scratch'
  }
  return settings
}

function readConfigFile(path: string): Settings {
  if (!existsSync(path)) throw new UsageError(`Expected a YAML file for --config, got ${path}, which does not exist.`)
  try {
    return fromFile(trainOptions, parseYaml(readFileSync(path, 'utf8')) ?? {}, path)
  } catch (error) {
    if (error instanceof YAMLParseError) {
      const at = error.linePos?.[0]
      throw new UsageError(
        `Expected YAML in ${path}${at ? `:${at.line}:${at.col}` : ''}, got ${error.message.split('\n')[0]}`,
        {
          cause: error,
        },
      )
    }
    throw error
  }
}

/** Settings that a resumed run may change; anything else would make it another run. */
const changeable = new Set([
  'maxSteps',
  'maxMinutes',
  'patience',
  'evalSteps',
  'evalWindows',
  'saveSteps',
  'saveTotalLimit',
  'device',
  'chip',
  'os',
  'threads',
  'learningRate',
  'minLrRatio',
  'maxGradNorm',
  'weights',
  'layersPerProgram',
  'hostOps',
  'aneExtras',
])

/**
 * The settings of a stored run with what the user now changes.
 *
 * @throws {UsageError} naming a setting that cannot change
 */
export function resumedSettings(stored: Record<string, unknown>, given: Settings, path: string): Settings {
  const before = fromFile(trainOptions, stored, path)
  const now = { ...before }
  for (const row of trainOptions) {
    const value = given[row.name]
    if (row.flagOnly || value === undefined || row.name === 'outputDir' || value === before[row.name]) continue
    if (!changeable.has(row.name))
      throw new UsageError(
        `Expected ${snake(row.name)} ${before[row.name] ?? '(its default)'} of the run to resume, got ${value}. Start a new run with --init ${path} instead.`,
      )
    now[row.name] = value
  }
  return now
}
