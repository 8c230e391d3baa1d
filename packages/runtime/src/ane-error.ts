/** Stable names of what can go wrong in an engine, as opposed to a wrong argument. */
export type AneErrorCode =
  | 'ANE_UNAVAILABLE'
  | 'ANE_COMPILE_FAILED'
  | 'ANE_COMPILE_LIMIT'
  | 'ANE_EVAL_FAILED'
  | 'ANE_INTERNAL'
  | 'ADDON_NOT_FOUND'
  | 'ADDON_INCOMPATIBLE'
  | 'OUT_OF_MEMORY'

/** An engine said no: `code` for programs, `message` for people, `line` and `column` (from 1) of the MIL text where known. */
export class AneError extends Error {
  readonly code: AneErrorCode
  readonly line?: number
  readonly column?: number

  constructor(code: AneErrorCode, message: string, options: { cause?: unknown; line?: number; column?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AneError'
    this.code = code
    this.line = options.line
    this.column = options.column
  }
}

/** Where a call came from; turned into text, which takes long, when it is read. */
interface Origin {
  readonly stack?: string
}

/** Captures where a call came from before its work leaves the JavaScript thread. */
export function captureStack(caller: (...args: never[]) => unknown): Origin {
  const origin: Origin = {}
  Error.captureStackTrace(origin, caller)
  return origin
}

/** Gives an error of the addon its class: argument errors keep theirs, engine errors become `AneError`. */
export function engineError(cause: unknown, origin?: Origin): Error {
  if (!(cause instanceof Error)) return new AneError('ANE_INTERNAL', String(cause), { cause })
  const code = (cause as { code?: unknown }).code
  let error: Error = cause
  if (code !== 'INVALID_ARGUMENT' && code !== 'OUT_OF_RANGE' && typeof code === 'string') {
    const place = /^line (\d+), column (\d+): /.exec(cause.message)
    error = new AneError(code as AneErrorCode, cause.message, {
      cause,
      line: place ? Number(place[1]) : undefined,
      column: place ? Number(place[2]) : undefined,
    })
  }
  if (origin?.stack !== undefined) {
    const calls = origin.stack.split('\n').slice(1).join('\n')
    error.stack = `${error.name}: ${error.message}\n${calls}`
  }
  return error
}
