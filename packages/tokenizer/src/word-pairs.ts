const RIGHT_UNIT = 2 ** 21

/** A pair of neighbouring symbols, how often it occurs in all words, and where. */
export interface Pair {
  left: number
  right: number
  count: number
  /** Positions of left symbols; some may have been merged away since. */
  places: number[]
}

interface HeapEntry {
  count: number
  pair: Pair
}

/**
 * The symbol pairs of all different words, kept up to date while pairs are merged.
 *
 * Words lie one after the other in one linked list, each position weighted by how often its word occurs, so a merge
 * costs only the places where its pair occurs.
 */
export class WordPairs {
  private readonly symbols: Int32Array
  private readonly following: Int32Array
  private readonly previous: Int32Array
  private readonly weights: Float64Array
  private readonly pairs = new Map<number, Pair>()
  private readonly heap: HeapEntry[] = []

  /** @param firstByteId the symbol of byte 0; the other bytes follow */
  constructor(words: ReadonlyMap<string, number>, firstByteId: number) {
    const encoded = [...words.keys()].map((word) => Buffer.from(word))
    const total = encoded.reduce((sum, bytes) => sum + bytes.length, 0)
    this.symbols = new Int32Array(total)
    this.following = new Int32Array(total)
    this.previous = new Int32Array(total)
    this.weights = new Float64Array(total)
    let at = 0
    const counts = words.values()
    for (const bytes of encoded) {
      const weight = counts.next().value as number
      for (let i = 0; i < bytes.length; i++, at++) {
        this.symbols[at] = firstByteId + bytes[i]
        this.following[at] = i + 1 < bytes.length ? at + 1 : -1
        this.previous[at] = i > 0 ? at - 1 : -1
        this.weights[at] = weight
        if (i > 0) this.add(at - 1)
      }
    }
    for (const pair of this.pairs.values()) this.push({ count: pair.count, pair })
  }

  /** Takes out the most frequent pair, the one with the lower ids among equals; `undefined` when none is frequent enough. */
  next(minFrequency: number): Pair | undefined {
    for (let entry = this.pop(); entry; entry = this.pop()) {
      const { pair } = entry
      if (entry.count > pair.count) {
        if (pair.count >= minFrequency) this.push({ count: pair.count, pair })
      } else if (entry.count === pair.count && pair.count >= minFrequency) return pair
    }
    return undefined
  }

  /** Replaces every occurrence of a pair, from left to right, by the symbol `merged`. */
  merge(pair: Pair, merged: number): void {
    const { symbols, following, previous } = this
    const changed = new Set<Pair>()
    for (const at of pair.places.sort((a, b) => a - b)) {
      const right = following[at]
      if (symbols[at] !== pair.left || right < 0 || symbols[right] !== pair.right) continue
      if (previous[at] >= 0) this.remove(previous[at])
      if (following[right] >= 0) this.remove(right)
      symbols[at] = merged
      symbols[right] = -1
      following[at] = following[right]
      if (following[at] >= 0) {
        previous[following[at]] = at
        changed.add(this.add(at))
      }
      if (previous[at] >= 0) changed.add(this.add(previous[at]))
    }
    this.pairs.delete(pair.left * RIGHT_UNIT + pair.right)
    pair.count = 0
    pair.places = []
    for (const grown of changed) if (grown.count > 0) this.push({ count: grown.count, pair: grown })
  }

  private add(at: number): Pair {
    const left = this.symbols[at]
    const right = this.symbols[this.following[at]]
    const key = left * RIGHT_UNIT + right
    let pair = this.pairs.get(key)
    if (pair === undefined) {
      pair = { left, right, count: 0, places: [] }
      this.pairs.set(key, pair)
    }
    pair.count += this.weights[at]
    pair.places.push(at)
    return pair
  }

  private remove(at: number): void {
    const pair = this.pairs.get(this.symbols[at] * RIGHT_UNIT + this.symbols[this.following[at]])
    if (pair) pair.count -= this.weights[at]
  }

  private push(entry: HeapEntry): void {
    const { heap } = this
    let at = heap.length
    heap.push(entry)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(entry, heap[parent])) break
      heap[at] = heap[parent]
      at = parent
    }
    heap[at] = entry
  }

  private pop(): HeapEntry | undefined {
    const { heap } = this
    const top = heap[0]
    const entry = heap.pop()
    if (entry === undefined || heap.length === 0) return top
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++
      if (!before(heap[child], entry)) break
      heap[at] = heap[child]
      at = child
    }
    heap[at] = entry
    return top
  }
}

function before(a: HeapEntry, b: HeapEntry): boolean {
  if (a.count !== b.count) return a.count > b.count
  return a.pair.left !== b.pair.left ? a.pair.left < b.pair.left : a.pair.right < b.pair.right
}
