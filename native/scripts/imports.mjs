/**
 * What a shared library takes from others: the imported symbols and libraries of 64-bit little-endian ELF and Mach-O files.
 * Reads untrusted bytes: every offset is checked and all work is bounded by the file's length.
 */

/** A file that is not what it says it is. */
export class FormatError extends Error {
  /** @param {string} message @param {string} path @param {number} offset in bytes */
  constructor(message, path, offset) {
    super(`${path}, byte ${offset}: ${message}`)
    this.path = path
    this.offset = offset
  }
}

const longestName = 4096
const machines = { elf: { 62: 'x64', 183: 'arm64' }, 'mach-o': { 16777223: 'x64', 16777228: 'arm64' } }

class Reader {
  constructor(bytes, path) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.bytes = bytes
    this.path = path
  }

  fail(message, offset) {
    throw new FormatError(message, this.path, offset)
  }

  /** Checks that `[offset, offset + length)` lies in the file. */
  range(what, offset, length) {
    const end = this.bytes.length
    if (offset + length > end) this.fail(`Expected ${length} bytes of ${what}, got a file of ${end} bytes.`, offset)
  }

  integer(size, offset) {
    this.range('a number', offset, size)
    if (size === 1) return this.view.getUint8(offset)
    if (size === 2) return this.view.getUint16(offset, true)
    if (size === 4) return this.view.getUint32(offset, true)
    const value = this.view.getBigUint64(offset, true)
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.fail(`Expected an offset or size, got ${value}.`, offset)
    return Number(value)
  }

  /** The zero-ended name at `offset` inside `[start, end)`. */
  name(offset, start, end) {
    const last = Math.min(end, offset + longestName)
    const zero = offset < start || offset >= end ? -1 : this.bytes.subarray(offset, last).indexOf(0)
    if (zero < 0) this.fail(`Expected a name that ends before byte ${last}, got none.`, offset)
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + offset, zero).toString('latin1')
  }
}

const machineOf = (reader, format, code, offset) =>
  machines[format][code] ?? reader.fail(`Expected x64 or arm64 for the processor, got ${code}.`, offset)

/** Section headers; linkers write them for shared libraries even where the loader does without. */
const elfSections = (reader) => {
  const start = reader.integer(8, 40)
  const count = reader.integer(2, 60)
  reader.range('section headers', start, count * 64)
  return Array.from({ length: count }, (_, i) => {
    const at = start + 64 * i
    const type = reader.integer(4, at + 4)
    const [offset, size] = [reader.integer(8, at + 24), reader.integer(8, at + 32)]
    if (type !== 0 && type !== 8) reader.range(`section ${i}`, offset, size)
    return { at, type, offset, size, link: reader.integer(4, at + 40), info: reader.integer(4, at + 44) }
  })
}

/** Version numbers of imported symbols → `{library, version}`. */
const elfVersions = (reader, section, nameOf) => {
  const versions = new Map()
  let need = section.offset
  for (let i = 0; i < section.info && need + 16 <= section.offset + section.size; i++) {
    const library = nameOf(section, reader.integer(4, need + 4))
    let entry = need + reader.integer(4, need + 8)
    for (let left = reader.integer(2, need + 2); left > 0; left--) {
      versions.set(reader.integer(2, entry + 6), { library, version: nameOf(section, reader.integer(4, entry + 8)) })
      entry += reader.integer(4, entry + 12)
      if (versions.size > reader.bytes.length / 16) reader.fail('Expected distinct versions, got a cycle.', entry)
    }
    const next = reader.integer(4, need + 12)
    if (next === 0) break
    need += next
  }
  return versions
}

const readElf = (reader) => {
  if (reader.integer(1, 4) !== 2 || reader.integer(1, 5) !== 1) reader.fail('Expected 64-bit little-endian ELF.', 4)
  const machine = machineOf(reader, 'elf', reader.integer(2, 18), 18)
  const sections = elfSections(reader)
  const one = (type) => sections.find((section) => section.type === type)
  const nameOf = (section, index) => {
    const names = sections[section.link]
    if (names?.type !== 3) reader.fail(`Expected a string table for the link, got section ${section.link}.`, section.at)
    return reader.name(names.offset + index, names.offset, names.offset + names.size)
  }
  const [dynamic, table] = [one(6), one(11)]
  if (!dynamic || !table) reader.fail('Expected a shared library, got a file without dynamic symbols.', 0)

  const libraries = []
  for (let at = dynamic.offset; at + 16 <= dynamic.offset + dynamic.size; at += 16) {
    if (reader.view.getBigUint64(at, true) === 1n) libraries.push(nameOf(dynamic, reader.integer(8, at + 8)))
  }
  const need = one(0x6ffffffe)
  const versions = need ? elfVersions(reader, need, nameOf) : new Map()
  const indices = one(0x6fffffff)
  const symbols = []
  for (let i = 1; 24 * (i + 1) <= table.size; i++) {
    const at = table.offset + 24 * i
    if (reader.integer(2, at + 6) !== 0) continue
    const name = nameOf(table, reader.integer(4, at))
    const index = indices && 2 * (i + 1) <= indices.size ? reader.integer(2, indices.offset + 2 * i) & 0x7fff : 0
    if (name) symbols.push({ name, weak: reader.integer(1, at + 4) >> 4 === 2, ...versions.get(index) })
  }
  return { format: 'elf', machine, libraries, symbols }
}

const libraryCommands = new Set([0xc, 0x20, 0x80000018, 0x8000001f, 0x80000023])

const machSymbols = (reader, at, libraries) => {
  const [start, count, names, length] = [8, 12, 16, 20].map((field) => reader.integer(4, at + field))
  reader.range('symbols', start, count * 16)
  reader.range('symbol names', names, length)
  const symbols = []
  for (let i = 0; i < count; i++) {
    const entry = start + 16 * i
    const type = reader.integer(1, entry + 4)
    if ((type & 0xef) !== 1) continue
    const description = reader.integer(2, entry + 6)
    const library = libraries[(description >> 8) - 1]
    const name = reader.name(names + reader.integer(4, entry), names, names + length)
    symbols.push({ name, weak: (description & 0x40) !== 0, ...(library && { library }) })
  }
  return symbols
}

const readMachO = (reader) => {
  const machine = machineOf(reader, 'mach-o', reader.integer(4, 4), 4)
  const [count, length] = [reader.integer(4, 16), reader.integer(4, 20)]
  reader.range('load commands', 32, length)
  const libraries = []
  let table
  let oldestSystem
  let at = 32
  for (let i = 0; i < count; i++) {
    const [command, size] = [reader.integer(4, at), reader.integer(4, at + 4)]
    if (size < 8 || at + size > 32 + length) reader.fail(`Expected a load command's size, got ${size}.`, at + 4)
    if (libraryCommands.has(command)) libraries.push(reader.name(at + reader.integer(4, at + 8), at, at + size))
    if (command === 2) table = at
    if (command === 0x32) oldestSystem = reader.integer(4, at + 12) / 65536
    at += size
  }
  if (table === undefined) reader.fail('Expected a symbol table, got none.', 32)
  return { format: 'mach-o', machine, libraries, symbols: machSymbols(reader, table, libraries), oldestSystem }
}

/**
 * Reads what a shared library imports. A symbol without `library` is looked up everywhere when the file loads.
 *
 * @param {Uint8Array} bytes the whole file
 * @param {string} path for messages
 * @returns {{format: 'elf' | 'mach-o', machine: string, libraries: string[], oldestSystem?: number,
 *   symbols: {name: string, weak: boolean, library?: string, version?: string}[]}} `oldestSystem`: macOS version
 * @throws {FormatError} if it is no such file, or a damaged one
 */
export const readImports = (bytes, path) => {
  const reader = new Reader(bytes, path)
  const magic = reader.integer(4, 0)
  if (magic === 0x464c457f) return readElf(reader)
  if (magic === 0xfeedfacf) return readMachO(reader)
  return reader.fail(`Expected a 64-bit ELF or Mach-O file, got 0x${magic.toString(16)}.`, 0)
}
