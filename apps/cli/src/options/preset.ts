import { type ModelConfig, presets } from '@ane/models'
import { UsageError } from '../exit.js'
import { didYouMean } from './table.js'

/** The model preset a flag names. @throws {UsageError} if there is none of that name */
export function presetFlag(flag: string, name: string): ModelConfig {
  if (Object.hasOwn(presets, name)) return presets[name]
  const names = Object.keys(presets)
  throw new UsageError(`Expected one of ${names.join(', ')} for ${flag}, got ${name}.${didYouMean(name, names)}`)
}
