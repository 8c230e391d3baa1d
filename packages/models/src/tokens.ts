/** Checks a batch before it reaches kernels that index by token. @throws {RangeError} if a token is not in the vocabulary */
export function checkTokens(tokens: ArrayLike<number>, vocabulary: number): void {
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]
    if (!Number.isInteger(token) || token < 0 || token >= vocabulary) {
      throw new RangeError(`Expected a token id below vocab_size ${vocabulary} at position ${i}, got ${token}.`)
    }
  }
}

/** Checks the tokens to predict. @throws {RangeError} if one is beyond the vocabulary or all are negative */
export function checkTargets(targets: Int32Array, vocabulary: number): void {
  let counted = 0
  for (const [i, target] of targets.entries()) {
    if (target >= vocabulary) {
      throw new RangeError(`Expected a target below vocab_size ${vocabulary} at position ${i}, got ${target}.`)
    }
    if (target >= 0) counted++
  }
  if (counted === 0) throw new RangeError('Expected at least one target that counts, got only negative ones.')
}

/**
 * Maps token ids to rows of a compact vocabulary; negative ids map to −1.
 *
 * @throws {RangeError} if the vocabulary is empty, or an id in it is unknown or listed twice; the returned function throws
 * for ids that are not listed
 */
export function compactIndex(
  compactVocabulary: Int32Array | undefined,
  vocabulary: number,
): ((target: number) => number) | undefined {
  if (compactVocabulary === undefined) return undefined
  if (compactVocabulary.length === 0)
    throw new RangeError('Expected at least one id for the compact vocabulary, got none.')
  const rows = new Int32Array(vocabulary).fill(-1)
  for (const [row, id] of compactVocabulary.entries()) {
    if (id < 0 || id >= vocabulary || rows[id] !== -1) {
      throw new RangeError(
        `Expected distinct ids below vocab_size ${vocabulary} for the compact vocabulary, got ${id}.`,
      )
    }
    rows[id] = row
  }
  return (target) => {
    if (target < 0) return -1
    if (rows[target] < 0) throw new RangeError(`Expected targets in the compact vocabulary, got ${target}.`)
    return rows[target]
  }
}
