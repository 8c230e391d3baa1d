export * from './events.js'
export * from './jsonl.js'
export * from './metrics.js'
export * from './sinks.js'
