export * from './blob.js'
export * from './blob-paths.js'
export * from './blob-reader.js'
export * from './blob-writer.js'
export * from './builder.js'
export * from './compositions.js'
export * from './evaluate.js'
export * from './format-error.js'
export * from './fp16.js'
export * from './grad.js'
export * from './ir.js'
export * from './limits/index.js'
export * from './literals.js'
export { type ConstantLookup, inferTypes } from './ops/call.js'
export {
  type Call,
  type EvalCall,
  OPSETS,
  OpError,
  type OperandInput,
  type OperandSpec,
  type OpRow,
} from './ops/row.js'
export { opNames, opRow } from './ops/table.js'
export * from './parser.js'
export * from './passes/bake.js'
export * from './passes/broadcast-elision.js'
export * from './passes/common-subexpressions.js'
export * from './passes/constant-folding.js'
export * from './passes/dead-code.js'
export * from './passes/pack.js'
export * from './passes/pack-layout.js'
export * from './passes/view-simplification.js'
export * from './printer.js'
export * from './tensor.js'
export * from './type-text.js'
export * from './verify.js'
export * from './weight-pairs.js'
