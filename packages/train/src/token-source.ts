import { RunError } from './errors.js'

/** A long row of token ids that is read in windows; shards on disk and arrays in memory both are one. */
export interface TokenSource {
  /** Number of tokens. */
  readonly length: number
  /** Every id is below this. */
  readonly vocabSize: number
  /** Copies `into.length` tokens from `start` on. @throws if the window or an id is out of range */
  read(start: number, into: Int32Array): void
}

/**
 * Tokens held in memory.
 *
 * @throws {RangeError} if an id is not below `vocabSize`
 */
export function tokensInMemory(tokens: ArrayLike<number>, vocabSize: number): TokenSource {
  for (let i = 0; i < tokens.length; i++)
    if (!(tokens[i] >= 0 && tokens[i] < vocabSize))
      throw new RangeError(`Expected an id below ${vocabSize} for token ${i}, got ${tokens[i]}.`)
  return {
    length: tokens.length,
    vocabSize,
    read(start, into) {
      if (!(start >= 0 && start + into.length <= tokens.length))
        throw new RangeError(`Expected a window within ${tokens.length} tokens, got ${start}…${start + into.length}.`)
      for (let i = 0; i < into.length; i++) into[i] = tokens[start + i]
    },
  }
}

const SCAN_TOKENS = 65536

/** The distinct ids among the tokens, ascending. */
export function usedTokens(tokens: TokenSource): Int32Array {
  const used = new Uint8Array(tokens.vocabSize)
  for (let start = 0; start < tokens.length; start += SCAN_TOKENS) {
    const window = new Int32Array(Math.min(SCAN_TOKENS, tokens.length - start))
    tokens.read(start, window)
    for (const id of window) used[id] = 1
  }
  return Int32Array.from(used.keys()).filter((id) => used[id] === 1)
}

/** Where training ends and validation begins, in tokens. */
export interface Split {
  readonly trainTokens: number
  readonly evalTokens: number
}

/**
 * Keeps the last part of the data for validation: `evalFraction` of it, but at least one window.
 *
 * @throws {RunError} `DATA_TOO_SMALL` if either part would not hold one window of `seqLen + 1` tokens
 */
export function splitTokens(length: number, evalFraction: number, seqLen: number): Split {
  const evalTokens = evalFraction === 0 ? 0 : Math.max(seqLen + 1, Math.floor(length * evalFraction))
  const trainTokens = length - evalTokens
  if (trainTokens < seqLen + 1)
    throw new RunError(
      'DATA_TOO_SMALL',
      `Expected at least ${2 * (seqLen + 1)} tokens for training and validation at --seq-len ${seqLen}, got ${length}. Use more text or a shorter --seq-len.`,
    )
  return { trainTokens, evalTokens }
}
