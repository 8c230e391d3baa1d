import type { PairTable } from './pair-table.js'

const NONE = 0x7fffffff
const SHORT = 48
/** Heap keys are rank · 2^32 + position, exact in a double while ranks stay below 2^21. */
const RANK_UNIT = 2 ** 32

/** Applies merges to a row of symbols: lowest rank first, leftmost first among equal ranks. */
export class Merger {
  private readonly slots = new Int32Array(SHORT)
  private heap = new Float64Array(1024)
  private heapSize = 0

  constructor(private readonly table: PairTable) {}

  /**
   * Merges the first `count` entries of `symbols` in place and gives the new count.
   *
   * Short rows are scanned, long ones use a linked list and a heap: O(n log n) however long the row is.
   */
  merge(symbols: Int32Array, count: number): number {
    return count <= SHORT ? this.mergeShort(symbols, count) : this.mergeLong(symbols, count)
  }

  private mergeShort(symbols: Int32Array, count: number): number {
    const { table, slots } = this
    for (let i = 0; i + 1 < count; i++) slots[i] = table.find(symbols[i], symbols[i + 1])
    for (;;) {
      let best = -1
      let bestRank = NONE
      for (let i = 0; i + 1 < count; i++) {
        const slot = slots[i]
        if (slot >= 0 && table.rank[slot] < bestRank) {
          best = i
          bestRank = table.rank[slot]
        }
      }
      if (best < 0) return count
      symbols[best] = table.merged[slots[best]]
      count--
      for (let i = best + 1; i < count; i++) {
        symbols[i] = symbols[i + 1]
        slots[i] = slots[i + 1]
      }
      if (best > 0) slots[best - 1] = table.find(symbols[best - 1], symbols[best])
      if (best + 1 < count) slots[best] = table.find(symbols[best], symbols[best + 1])
    }
  }

  private mergeLong(symbols: Int32Array, count: number): number {
    const { table } = this
    const next = new Int32Array(count)
    const previous = new Int32Array(count)
    const ranks = new Int32Array(count).fill(NONE)
    const consider = (at: number) => {
      const slot = next[at] < count ? table.find(symbols[at], symbols[next[at]]) : -1
      ranks[at] = slot < 0 ? NONE : table.rank[slot]
      if (slot >= 0) this.push(ranks[at] * RANK_UNIT + at)
    }
    this.heapSize = 0
    for (let i = 0; i < count; i++) {
      next[i] = i + 1
      previous[i] = i - 1
    }
    for (let i = 0; i < count; i++) consider(i)
    while (this.heapSize > 0) {
      const key = this.pop()
      const rank = Math.floor(key / RANK_UNIT)
      const at = key - rank * RANK_UNIT
      // An entry is stale once its position was swallowed or its pair changed to another rank.
      if (ranks[at] !== rank) continue
      const after = next[at]
      symbols[at] = table.merged[table.find(symbols[at], symbols[after])]
      next[at] = next[after]
      if (next[at] < count) previous[next[at]] = at
      ranks[after] = NONE
      consider(at)
      if (previous[at] >= 0) consider(previous[at])
    }
    let kept = 0
    for (let at = 0; at < count; at = next[at]) symbols[kept++] = symbols[at]
    return kept
  }

  private push(key: number): void {
    if (this.heapSize === this.heap.length) {
      const grown = new Float64Array(this.heap.length * 2)
      grown.set(this.heap)
      this.heap = grown
    }
    const { heap } = this
    let at = this.heapSize++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heap[parent] <= key) break
      heap[at] = heap[parent]
      at = parent
    }
    heap[at] = key
  }

  private pop(): number {
    const { heap } = this
    const top = heap[0]
    const key = heap[--this.heapSize]
    const size = this.heapSize
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= size) break
      if (child + 1 < size && heap[child + 1] < heap[child]) child++
      if (heap[child] >= key) break
      heap[at] = heap[child]
      at = child
    }
    heap[at] = key
    return top
  }
}
