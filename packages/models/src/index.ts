export type { WeightBinding } from './binding.js'
export * from './config.js'
export * from './estimates.js'
export * from './format-error.js'
export { writeFileAtomically, writeFolderAtomically } from './formats/atomic-write.js'
export * from './formats/checkpoint.js'
export { type ModelFolderContents, readConfig, readModelFolder, saveModelFolder } from './formats/huggingface.js'
export * from './formats/llama2c.js'
export { halfToInterleaved, interleavedToHalf, isRotated } from './formats/rope-permutation.js'
export * from './formats/safetensors.js'
export type { SafetensorsDtype, SafetensorsEntry } from './formats/safetensors-header.js'
export type { GraphOptions, ModelDtype } from './graph.js'
export { ForwardPass, type ForwardPassOptions } from './inference/forward-pass.js'
export { type ContinuationOptions, continueTokens, generate, type SamplingOptions } from './inference/generation.js'
export { argmax, createSampler, type Sampler, type SamplerOptions } from './inference/sampling.js'
export * from './initialisation.js'
export * from './presets.js'
export * from './random.js'
export { cutSegments, type LayersPerProgram, type Segment, segmentProgram } from './segments.js'
export type { AdamwHyperparameters } from './training/parameters.js'
export {
  createTrainStep,
  type StepResult,
  type StepTimes,
  TrainStep,
  type TrainStepOptions,
} from './training/training-step.js'
export { checkWeights, elementCount, type Weights, weightShapes } from './weights.js'
