export * from './fp16.js'
export * from './ir.js'
