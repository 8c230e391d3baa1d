/** Where in a file something is wrong. */
export interface FormatErrorDetails {
  path?: string
  /** Bytes from the start of the file. */
  offset?: number
  line?: number
  column?: number
  cause?: unknown
}

/** A model file that is truncated, contradicts itself or asks for something unsupported. */
export class FormatError extends Error {
  override readonly name = 'FormatError'
  readonly path?: string
  readonly offset?: number
  readonly line?: number
  readonly column?: number

  constructor(message: string, details: FormatErrorDetails = {}) {
    const where = [details.path, details.offset === undefined ? undefined : `byte ${details.offset}`]
      .filter((part) => part !== undefined)
      .join(', ')
    super(where === '' ? message : `${message} (${where})`, { cause: details.cause })
    this.path = details.path
    this.offset = details.offset
    this.line = details.line
    this.column = details.column
  }
}
