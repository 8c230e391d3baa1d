/** Where in which file a `FormatError` happened. Lines and columns count from 1, `offset` in bytes from 0. */
export interface FormatErrorLocation {
  path?: string
  offset?: number
  line?: number
  column?: number
  cause?: unknown
}

/** A MIL text or weight file that cannot be read. The message begins with the location. */
export class FormatError extends Error {
  readonly path?: string
  readonly offset?: number
  readonly line?: number
  readonly column?: number

  constructor(message: string, location: FormatErrorLocation = {}) {
    const { path, offset, line, column, cause } = location
    super(`${prefix(location)}${message}`, cause === undefined ? undefined : { cause })
    this.name = 'FormatError'
    this.path = path
    this.offset = offset
    this.line = line
    this.column = column
  }
}

function prefix({ path, offset, line, column }: FormatErrorLocation): string {
  if (line !== undefined) return `${path ?? 'line '}${path ? ':' : ''}${line}:${column ?? 1}: `
  if (offset !== undefined) return `${path ? `${path} at ` : 'At '}byte ${offset}: `
  return path ? `${path}: ` : ''
}
