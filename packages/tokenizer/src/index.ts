export { FormatError, type FormatErrorLocation } from './format-error.js'
export { loadTokenizer, tokenizerFromJson } from './load.js'
export type { SpecialNames } from './json-tokenizer.js'
export type { EncodeOptions, StreamingDecoder, Tokenizer, TokenizerJson, TokenizerKind } from './tokenizer.js'
