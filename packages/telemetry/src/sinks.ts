import type { TelemetryEvent } from './events.js'

/** Where events go. `write` throws if the event cannot be kept; `close` flushes. */
export interface Sink {
  write(event: TelemetryEvent): void
  close(): void | Promise<void>
}

/** Keeps events in memory, for tests and notebooks. */
export class MemorySink implements Sink {
  readonly events: TelemetryEvent[] = []
  write(event: TelemetryEvent): void {
    this.events.push(event)
  }
  close(): void {}
}

/** Sends every event to all sinks, in order. */
export function combineSinks(...sinks: Sink[]): Sink {
  return {
    write(event) {
      for (const sink of sinks) sink.write(event)
    },
    async close() {
      for (const sink of sinks) await sink.close()
    },
  }
}
