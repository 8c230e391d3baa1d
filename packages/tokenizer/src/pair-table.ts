/**
 * Hash table from a pair of symbol ids to the rank of their merge and the id it makes.
 *
 * Open addressing in flat arrays: 16 bytes per slot and no object per pair, so a vocabulary of 150,000 merges stays
 * within a few megabytes and a lookup allocates nothing.
 */
export class PairTable {
  private readonly mask: number
  private readonly left: Int32Array
  private readonly right: Int32Array
  readonly rank: Int32Array
  readonly merged: Int32Array

  /** @param capacity the largest number of different pairs that will be set */
  constructor(capacity: number) {
    let slots = 16
    while (slots < capacity * 2) slots *= 2
    this.mask = slots - 1
    this.left = new Int32Array(slots).fill(-1)
    this.right = new Int32Array(slots)
    this.rank = new Int32Array(slots)
    this.merged = new Int32Array(slots)
  }

  /** Gives the slot of a pair, to index `rank` and `merged` with, or −1. */
  find(left: number, right: number): number {
    let slot = this.hash(left, right)
    for (;;) {
      const found = this.left[slot]
      if (found === left && this.right[slot] === right) return slot
      if (found === -1) return -1
      slot = (slot + 1) & this.mask
    }
  }

  /** Sets the rank (lower merges first) and the result of a pair; a later call for the same pair replaces both. */
  set(left: number, right: number, rank: number, merged: number): void {
    let slot = this.hash(left, right)
    while (this.left[slot] !== -1 && !(this.left[slot] === left && this.right[slot] === right)) {
      slot = (slot + 1) & this.mask
    }
    this.left[slot] = left
    this.right[slot] = right
    this.rank[slot] = rank
    this.merged[slot] = merged
  }

  /** Visits every pair in no particular order. */
  visit(each: (left: number, right: number, rank: number, merged: number) => void): void {
    for (let slot = 0; slot <= this.mask; slot++) {
      if (this.left[slot] !== -1) each(this.left[slot], this.right[slot], this.rank[slot], this.merged[slot])
    }
  }

  private hash(left: number, right: number): number {
    let h = Math.imul(left, 0x9e3779b1) ^ Math.imul(right + 0x7f4a7c15, 0x85ebca6b)
    h ^= h >>> 15
    h = Math.imul(h, 0x2c1b3c6d)
    return (h ^ (h >>> 13)) & this.mask
  }
}
