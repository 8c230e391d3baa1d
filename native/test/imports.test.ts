import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkImports } from '../scripts/import-rules.mjs'
import { FormatError, readImports } from '../scripts/imports.mjs'
import { elfFile, machOFile } from './object-files.js'

const system = '/usr/lib/libSystem.B.dylib'
const elf = elfFile(
  62,
  ['libc.so.6', 'libm.so.6'],
  [
    { name: 'memcpy', version: 'GLIBC_2.14' },
    { name: 'dlsym', version: 'GLIBC_2.2.5' },
    { name: 'napi_wrap' },
    { name: '__gmon_start__', weak: true },
  ],
)
const machO = machOFile(13, [system], [{ name: '_dlsym', library: 0 }, { name: '_napi_wrap' }])
const files = { ELF: elf, 'Mach-O': machO }
const linux = { platform: 'linux', arch: 'x64' }
const darwin = { platform: 'darwin', arch: 'arm64' }

describe('readImports', () => {
  it('lists libraries, symbols and versions of ELF', () => {
    expect(readImports(elf, 'a.node')).toEqual({
      format: 'elf',
      machine: 'x64',
      libraries: ['libc.so.6', 'libm.so.6'],
      symbols: [
        { name: 'memcpy', weak: false, library: 'libc.so.6', version: 'GLIBC_2.14' },
        { name: 'dlsym', weak: false, library: 'libc.so.6', version: 'GLIBC_2.2.5' },
        { name: 'napi_wrap', weak: false },
        { name: '__gmon_start__', weak: true },
      ],
    })
  })

  it('lists libraries, symbols and the oldest system of Mach-O', () => {
    expect(readImports(machO, 'a.node')).toEqual({
      format: 'mach-o',
      machine: 'arm64',
      libraries: [system],
      symbols: [
        { name: '_dlsym', weak: false, library: system },
        { name: '_napi_wrap', weak: false },
      ],
      oldestSystem: 13,
    })
  })

  const addon = fileURLToPath(new URL('../build/ane.node', import.meta.url))
  it.skipIf(!existsSync(addon))('reads the addon built here (needs build/ane.node)', () => {
    const { machine, symbols, libraries } = readImports(readFileSync(addon), addon)
    expect(machine).toBe(process.arch)
    expect(libraries.length).toBeGreaterThan(0)
    const names = symbols.map(({ name }: { name: string }) => name.replace(/^_(?=napi)/, ''))
    expect(names).toContain('napi_create_function')
    expect(names.filter((name: string) => /^_?(objc_|sel_|IOSurface)/.test(name))).toEqual([])
  })

  it.each(Object.entries(files))('refuses %s cut off anywhere', (_, bytes) => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => readImports(bytes.subarray(0, length), 'cut.node'), `${length} bytes`).toThrow(FormatError)
    }
  })

  it.each(Object.entries(files))('answers or refuses %s with changed bytes', (_, bytes) => {
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255))
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const damaged = Uint8Array.from(bytes)
        for (const [at, value] of changes) damaged[at] = value
        try {
          readImports(damaged, 'damaged.node')
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('says where a file stops making sense', () => {
    expect(() => readImports(new Uint8Array(64), 'zeros.node')).toThrow(/^zeros.node, byte 0: Expected a 64-bit ELF/)
  })
})

describe('checkImports', () => {
  const problems = (bytes: Uint8Array, target: { platform: string; arch: string }) =>
    checkImports(readImports(bytes, 'a.node'), target)

  it('accepts the C library and Node-API', () => {
    expect(problems(elf, linux)).toEqual([])
    expect(problems(machO, darwin)).toEqual([])
  })

  it('refuses a file for another system or processor', () => {
    expect(problems(elf, darwin)).toEqual(['Expected mach-o for arm64, got elf for x64.'])
    expect(problems(elf, { platform: 'linux', arch: 'arm64' })).toEqual(['Expected elf for arm64, got elf for x64.'])
  })

  it('refuses glibc newer than the oldest supported system has, private parts and other libraries', () => {
    const file = elfFile(
      62,
      ['libc.so.6', 'libstdc++.so.6'],
      [{ name: 'dlsym', version: 'GLIBC_2.34' }, { name: '_dl_sym', version: 'GLIBC_PRIVATE' }, { name: 'missing' }],
    )
    const found = problems(file, linux)
    expect(found).toHaveLength(4)
    expect(found[0]).toBe('needs libstdc++.so.6')
    expect(found[1]).toContain('dlsym of GLIBC_2.34')
    expect(found[2]).toContain('GLIBC_PRIVATE')
    expect(found[3]).toContain('imports missing')
  })

  it.each(['_objc_msgSend', '_sel_registerName', '_IOSurfaceCreate', '_CFRelease', '_dlsym', '_napi_unknown'])(
    'refuses %s looked up by the loader anywhere',
    (name) => {
      expect(problems(machOFile(13, [system], [{ name }]), darwin)).toEqual([
        `imports ${name} from anywhere; look it up with dlsym, or list it in darwin-symbols.mjs if macOS 13 has it`,
      ])
    },
  )

  it('refuses frameworks and newer macOS', () => {
    const framework = '/System/Library/Frameworks/IOSurface.framework/Versions/A/IOSurface'
    expect(problems(machOFile(14, [framework], []), darwin)).toEqual([
      `needs ${framework}`,
      'needs macOS 14; the oldest supported is 13',
    ])
  })
})
