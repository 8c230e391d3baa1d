/** Where in a file a `FormatError` arose; `offset` in bytes, `line` and `column` from 1. */
export interface FormatErrorLocation {
  path?: string
  offset?: number
  line?: number
  column?: number
  cause?: unknown
}

/** Reports a malformed, truncated or lying file, with its path and the byte offset or line and column. */
export class FormatError extends Error {
  override readonly name = 'FormatError'
  readonly path?: string
  readonly offset?: number
  readonly line?: number
  readonly column?: number

  constructor(message: string, location: FormatErrorLocation = {}) {
    const { path, offset, line, column, cause } = location
    let where = path ?? ''
    if (line !== undefined) where += `${where ? ':' : 'line '}${line}${column === undefined ? '' : `:${column}`}`
    else if (offset !== undefined) where += `${where ? ' at ' : ''}byte ${offset}`
    super(where ? `${where}: ${message}` : message, cause === undefined ? undefined : { cause })
    this.path = path
    this.offset = offset
    this.line = line
    this.column = column
  }
}

/** Puts a value into an error message: quoted and cut when long. */
export function shown(value: unknown): string {
  const text =
    typeof value === 'string' ? JSON.stringify(value) : value === undefined ? 'nothing' : JSON.stringify(value)
  return text === undefined ? typeof value : text.length > 80 ? `${text.slice(0, 77)}...` : text
}
