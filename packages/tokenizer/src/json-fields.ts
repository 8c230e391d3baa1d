import { FormatError, shown } from './format-error.js'

/** A JSON object of which no field has been checked yet. */
export type JsonObject = Record<string, unknown>

/** Checks the fields of a parsed JSON file and names the one that is wrong. */
export class JsonFields {
  constructor(private readonly path?: string) {}

  /** Gives an error about the file. */
  error(message: string, cause?: unknown): FormatError {
    return new FormatError(message, { path: this.path, cause })
  }

  /** Gives an error that says what was expected where and what is there. */
  expected(what: string, name: string, value: unknown): FormatError {
    return this.error(`Expected ${what} for ${name}, got ${shown(value)}.`)
  }

  /** @throws {FormatError} unless the value is an object */
  object(value: unknown, name: string): JsonObject {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject
    throw this.expected('an object', name, value)
  }

  /** @throws {FormatError} unless the value is an array */
  array(value: unknown, name: string): unknown[] {
    if (Array.isArray(value)) return value
    throw this.expected('an array', name, value)
  }

  /** @throws {FormatError} unless the value is a string */
  string(value: unknown, name: string): string {
    if (typeof value === 'string') return value
    throw this.expected('a string', name, value)
  }

  /** A boolean, or `fallback` when absent or null. @throws {FormatError} for anything else */
  flag(value: unknown, name: string, fallback: boolean): boolean {
    if (value === undefined || value === null) return fallback
    if (typeof value === 'boolean') return value
    throw this.expected('true or false', name, value)
  }

  /** @throws {FormatError} unless the value is an integer from 0 up to and without `limit` */
  index(value: unknown, name: string, limit: number): number {
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < limit) return value
    throw this.expected(`an integer below ${limit}`, name, value)
  }
}
