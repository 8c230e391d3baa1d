import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import type { TelemetryEvent } from './events.js'
import type { Sink } from './sinks.js'

export interface JsonlOptions {
  /** Drop lines of later steps (and a torn last line) that an earlier, killed process left; for resuming at this step. */
  resumeAtStep?: number
}

/**
 * Appends one JSON object a line to `path`. Every line is handed to the operating system at once, so that a killed
 * process loses nothing it has written.
 *
 * @throws if the file cannot be opened
 */
export class JsonlSink implements Sink {
  readonly #file: number

  constructor(
    readonly path: string,
    options: JsonlOptions = {},
  ) {
    const kept = options.resumeAtStep === undefined ? undefined : keptBytes(path, options.resumeAtStep)
    this.#file = openSync(path, options.resumeAtStep === undefined ? 'a' : existsSync(path) ? 'r+' : 'w')
    if (kept !== undefined) {
      ftruncateSync(this.#file, kept)
      closeSync(this.#file)
      this.#file = openSync(path, 'a')
    }
  }

  /** @throws {Error} naming the file if the system cannot take the line */
  write(event: TelemetryEvent): void {
    try {
      writeSync(this.#file, `${JSON.stringify(event)}\n`)
    } catch (error) {
      throw new Error(`Could not write ${this.path}: ${(error as Error).message}`, { cause: error })
    }
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** Length of the leading lines that are whole and belong to steps up to `step`. */
function keptBytes(path: string, step: number): number {
  if (!existsSync(path)) return 0
  const bytes = readFileSync(path)
  let kept = 0
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, kept)) {
    const event = parseLine(bytes.toString('utf8', kept, end))
    if (event === undefined || event.step > step) break
    kept = end + 1
  }
  return kept
}

function parseLine(line: string): TelemetryEvent | undefined {
  try {
    return JSON.parse(line) as TelemetryEvent
  } catch {
    return undefined
  }
}

/**
 * Reads the events of a JSONL file; a torn last line, as a kill leaves it, is left out.
 *
 * @throws {SyntaxError} naming path and line if any other line is not JSON
 */
export function readJsonl(path: string): TelemetryEvent[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  const torn = lines.pop()
  const events = lines.map((line, index) => {
    const event = parseLine(line)
    if (event === undefined)
      throw new SyntaxError(`Expected a JSON object for ${path}:${index + 1}, got ${line.slice(0, 60)}.`)
    return event
  })
  const last = torn ? parseLine(torn) : undefined
  return last ? [...events, last] : events
}
