export * from './fp16.js'
export * from './ir.js'
export * from './builder.js'
export * from './literals.js'
