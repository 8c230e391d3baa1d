/** The smallest shared libraries that say what they import, made by hand for tests. */

interface Import {
  name: string
  weak?: boolean
  /** ELF: version like `GLIBC_2.17`; it comes from the first library. */
  version?: string
  /** Mach-O: index into the libraries; undefined means looked up anywhere. */
  library?: number
}

/** Zero-ended names, and where each begins. */
const nameTable = (names: readonly string[]) => {
  const offsets = new Map<string, number>()
  let text = '\0'
  for (const name of names) {
    offsets.set(name, text.length)
    text += `${name}\0`
  }
  return { bytes: Buffer.from(text, 'latin1'), at: (name: string) => offsets.get(name)! }
}

/** An ELF library: header, dynamic section, versions, symbols, version indices, section headers, names. */
export function elfFile(machine: number, libraries: readonly string[], imports: readonly Import[]): Uint8Array {
  const versions = [...new Set(imports.flatMap(({ version }) => version ?? []))]
  const names = nameTable([...libraries, ...versions, ...imports.map(({ name }) => name)])
  const sizes = [libraries.length * 16, versions.length ? 16 + versions.length * 16 : 0]
  sizes.push(24 * (imports.length + 1), 2 * (imports.length + 1))
  const [dynamic, need, symbols, indices, headers] = [64, ...sizes].map((_, i) =>
    sizes.slice(0, i).reduce((sum, size) => sum + size, 64),
  )
  const strings = headers + 6 * 64
  const bytes = Buffer.concat([Buffer.alloc(strings), names.bytes])
  bytes.write('\x7fELF\x02\x01\x01', 0, 'latin1')
  bytes.writeUInt16LE(machine, 18)
  bytes.writeBigUInt64LE(BigInt(headers), 40)
  bytes.writeUInt16LE(6, 60)
  for (const [i, library] of libraries.entries()) {
    bytes.writeBigUInt64LE(1n, dynamic + 16 * i)
    bytes.writeBigUInt64LE(BigInt(names.at(library)), dynamic + 16 * i + 8)
  }
  if (versions.length) {
    bytes.writeUInt16LE(versions.length, need + 2)
    bytes.writeUInt32LE(names.at(libraries[0]), need + 4)
    bytes.writeUInt32LE(16, need + 8)
  }
  for (const [i, version] of versions.entries()) {
    bytes.writeUInt16LE(i + 2, need + 16 + 16 * i + 6)
    bytes.writeUInt32LE(names.at(version), need + 16 + 16 * i + 8)
    bytes.writeUInt32LE(16, need + 16 + 16 * i + 12)
  }
  for (const [i, { name, weak, version }] of imports.entries()) {
    bytes.writeUInt32LE(names.at(name), symbols + 24 * (i + 1))
    bytes.writeUInt8((weak ? 2 : 1) << 4, symbols + 24 * (i + 1) + 4)
    bytes.writeUInt16LE(version ? versions.indexOf(version) + 2 : 1, indices + 2 * (i + 1))
  }
  const sections = [
    [6, dynamic, sizes[0], 0],
    [0x6ffffffe, need, sizes[1], versions.length ? 1 : 0],
    [11, symbols, sizes[2], 0],
    [0x6fffffff, indices, sizes[3], 0],
    [3, strings, names.bytes.length, 0],
  ]
  for (const [i, [type, offset, size, info]] of sections.entries()) {
    const at = headers + 64 * (i + 1)
    bytes.writeUInt32LE(type, at + 4)
    bytes.writeBigUInt64LE(BigInt(offset), at + 24)
    bytes.writeBigUInt64LE(BigInt(size), at + 32)
    bytes.writeUInt32LE(5, at + 40)
    bytes.writeUInt32LE(info, at + 44)
  }
  return new Uint8Array(bytes)
}

/** A Mach-O library for arm64: header, load commands, symbols, names. */
export function machOFile(oldestSystem: number, libraries: readonly string[], imports: readonly Import[]): Uint8Array {
  const names = nameTable(imports.map(({ name }) => name))
  const commands = libraries.map((library) => {
    const command = Buffer.alloc(24 + 8 * Math.ceil((library.length + 1) / 8))
    command.writeUInt32LE(0xc, 0)
    command.writeUInt32LE(24, 8)
    command.write(library, 24, 'latin1')
    return command
  })
  const version = Buffer.alloc(24)
  version.writeUInt32LE(0x32, 0)
  version.writeUInt32LE(oldestSystem * 65536, 12)
  const table = Buffer.alloc(24)
  table.writeUInt32LE(2, 0)
  commands.push(version, table)
  for (const command of commands) command.writeUInt32LE(command.length, 4)
  const length = commands.reduce((sum, command) => sum + command.length, 0)
  const symbols = Buffer.alloc(16 * imports.length)
  table.writeUInt32LE(32 + length, 8)
  table.writeUInt32LE(imports.length, 12)
  table.writeUInt32LE(32 + length + symbols.length, 16)
  table.writeUInt32LE(names.bytes.length, 20)
  for (const [i, { name, weak, library }] of imports.entries()) {
    symbols.writeUInt32LE(names.at(name), 16 * i)
    symbols.writeUInt8(1, 16 * i + 4)
    symbols.writeUInt16LE(((library === undefined ? 0xfe : library + 1) << 8) | (weak ? 0x40 : 0), 16 * i + 6)
  }
  const header = Buffer.alloc(32)
  for (const [i, value] of [0xfeedfacf, 0x100000c, 0, 6, commands.length, length].entries()) {
    header.writeUInt32LE(value, 4 * i)
  }
  return new Uint8Array(Buffer.concat([header, ...commands, symbols, names.bytes]))
}
