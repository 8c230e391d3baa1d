import { FormatError } from './format-error.js'

/**
 * The normalization map of a SentencePiece model (`precompiled_charsmap`): a double-array trie over UTF-8 bytes whose
 * leaves point at zero-terminated replacements.
 */
export class CharacterMap {
  private readonly units: Uint32Array
  private readonly replacements: Uint8Array

  /** @throws {FormatError} when the sizes inside do not add up */
  constructor(bytes: Uint8Array, path?: string, offset?: number) {
    const size = bytes.length >= 4 ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) : 0
    if (size < 1024 || size % 4 !== 0 || size > bytes.length - 4) {
      throw new FormatError(`Expected a trie within ${bytes.length} bytes for precompiled_charsmap, got ${size}.`, {
        path,
        offset,
      })
    }
    this.units = new Uint32Array(bytes.slice(4, 4 + size).buffer)
    this.replacements = bytes.subarray(4 + size)
  }

  /** Replaces, from the left, the longest mapped prefix of what remains. */
  apply(text: string): string {
    const bytes = Buffer.from(text)
    const parts: Uint8Array[] = []
    let plain = 0
    for (let at = 0; at < bytes.length; ) {
      const found = this.longestPrefix(bytes, at)
      if (found) {
        parts.push(bytes.subarray(plain, at), found.replacement)
        at += found.length
        plain = at
      } else {
        do at++
        while ((bytes[at] & 0xc0) === 0x80)
      }
    }
    parts.push(bytes.subarray(plain))
    return Buffer.concat(parts).toString()
  }

  private longestPrefix(bytes: Uint8Array, from: number): { length: number; replacement: Uint8Array } | undefined {
    const { units } = this
    let found: { length: number; replacement: Uint8Array } | undefined
    let node = follow(0, units[0])
    for (let at = from; at < bytes.length; at++) {
      node ^= bytes[at]
      const unit = units[node]
      if (unit === undefined || (unit & 0x800000ff) >>> 0 !== bytes[at]) break
      node ^= offsetOf(unit)
      if ((unit >>> 8) & 1) {
        const start = units[node] & 0x7fffffff
        const end = this.replacements.indexOf(0, start)
        found = { length: at + 1 - from, replacement: this.replacements.subarray(start, end < 0 ? undefined : end) }
      }
    }
    return found
  }
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6)
}

function follow(node: number, unit: number): number {
  return node ^ offsetOf(unit)
}
