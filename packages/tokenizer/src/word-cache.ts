const MAX_WORDS = 1 << 17
const MAX_LENGTH = 64

/** Remembers the ids of short words; it is emptied when full, so its memory stays bounded on any text. */
export class WordCache {
  private readonly words = new Map<string, readonly number[]>()

  /** Appends the ids of `word` to `out`; `encode` is asked for them the first time. */
  append(word: string, out: number[], encode: (word: string) => readonly number[]): void {
    let ids = this.words.get(word)
    if (ids === undefined) {
      ids = encode(word)
      if (word.length <= MAX_LENGTH) {
        if (this.words.size >= MAX_WORDS) this.words.clear()
        // A slice of 13 or more characters would keep the whole text it was cut from alive.
        this.words.set(word.length < 13 ? word : Buffer.from(word, 'utf16le').toString('utf16le'), ids)
      }
    }
    for (let i = 0; i < ids.length; i++) out.push(ids[i])
  }
}

/**
 * Cuts a text before every run of `boundary` that follows another character.
 *
 * Merging the parts alone equals merging the whole when no merge makes a symbol that continues past such a cut.
 */
export function* chunks(text: string, boundary: string): Generator<string> {
  let from = 0
  let at = 0
  while (text[at] === boundary) at++
  for (;;) {
    const cut = text.indexOf(boundary, at)
    if (cut < 0) break
    yield text.slice(from, cut)
    from = cut
    at = cut
    while (text[at] === boundary) at++
  }
  if (from < text.length) yield text.slice(from)
}

/** Says whether a symbol holds `boundary` after another character, so that `chunks` would cut through it. */
export function crosses(symbol: string, boundary: string): boolean {
  let at = 0
  while (symbol[at] === boundary) at++
  return symbol.indexOf(boundary, at) >= 0
}
