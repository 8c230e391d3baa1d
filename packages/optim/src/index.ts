export * from './adamw.js'
export * from './clipping.js'
export * from './loss-scale.js'
export * from './schedules.js'
