import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type CollectedProgram,
  collectedPrograms,
  folderOf,
  needsLenientBlobs,
  textOf,
} from '../../../test/shared/collected-programs.js'
import { hasShared, sharedPath } from '../../../test/shared/folder.js'
import { blobPaths, FormatError, parse, print, relativeBlobPath, verify } from '../src/index.js'

const accepted = collectedPrograms.filter((row) => row.expect !== 'reject')
const rejected = collectedPrograms.filter((row) => row.expect === 'reject')

/** The compiler indents by 12 and writes no decimal fractions; hand-written generators use other layouts. */
const isCompilerOutput = (row: CollectedProgram) => {
  const text = textOf(row)
  const decimal = /[^"0-9.][0-9]+\.[0-9]+e/.test(text)
  return row.dir.startsWith('real/') && !decimal && /^ {12}\S/m.test(text) && !/^ {8}[^ }]/m.test(text)
}
const compilerOutput = accepted.filter(isCompilerOutput)

describe.skipIf(!hasShared)('programs of other tools (needs ../shared)', () => {
  it('are all there', () => {
    const folders = readdirSync(sharedPath('mil'), { recursive: true }).filter((file) =>
      String(file).endsWith('model.mil'),
    )
    expect(collectedPrograms.map((row) => `${row.dir}/${row.mil}`).sort()).toEqual(folders.map(String).sort())
    expect(accepted.length).toBeGreaterThan(0)
    expect(rejected.length).toBeGreaterThan(0)
    expect(compilerOutput.length).toBeGreaterThan(0)
  })

  it.each(accepted)('parse and come back from their own print: $dir', (row) => {
    const program = parse(textOf(row), { path: row.mil })
    for (const immediates of ['const', 'inline'] as const) {
      const text = print(program, { immediates })
      expect(print(parse(text), { immediates })).toBe(text)
      const other = program.version === '1.0' ? '1.3' : '1.0'
      const respelled = parse(print({ ...program, version: other }, { immediates }))
      expect(print({ ...respelled, version: program.version }, { immediates })).toBe(text)
    }
  })

  it.each(compilerOutput)('print byte for byte as the compiler did: $dir', (row) => {
    const text = textOf(row)
    expect(print(parse(text), { immediates: 'inline' })).toBe(text.trimEnd())
  })

  it.each(accepted)('verify without an error, weight files included: $dir', (row) => {
    const program = parse(textOf(row))
    const read = (file: string) => new Uint8Array(readFileSync(path.join(folderOf(row), relativeBlobPath(file))))
    const blobs = new Map(blobPaths(program).map((file) => [file, read(file)]))
    const errors = (lenientBlobs: boolean) =>
      verify(program, { blobs, lenientBlobs }).filter((diagnostic) => diagnostic.severity === 'error')
    if (needsLenientBlobs(row)) expect(errors(false).length).toBeGreaterThan(0)
    expect(errors(needsLenientBlobs(row))).toEqual([])
  })

  it.each(rejected)('are refused at the stated line and column: $dir', (row) => {
    let caught: unknown
    try {
      parse(textOf(row), { path: row.mil })
    } catch (error) {
      caught = error
    }
    expect(caught).toBeInstanceOf(FormatError)
    expect(caught).toMatchObject({ path: row.mil, line: Number(row.line), column: Number(row.column) })
  })

  const texts = accepted.map(textOf).filter((text) => text.length < 30_000)
  const fraction = fc.nat(9999).map((n) => n / 10_000)

  function parsesOrThrowsFormatError(text: string): void {
    const start = performance.now()
    try {
      verify(parse(text))
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
    }
    expect(performance.now() - start).toBeLessThan(2000)
  }

  it('throw nothing but a FormatError, quickly, when truncated or damaged', () => {
    const piece = fc.constantFrom(...'()[]{}<>,;=?"\\-0x \0€'.split(''), '->', 'tensor', 'BLOBFILE')
    const edit = fc.record({ at: fraction, removed: fc.nat(12), inserted: piece })
    const damage = fc.record({
      which: fc.nat(texts.length - 1),
      edits: fc.array(edit, { maxLength: 2 }),
      end: fc.option(fraction),
    })
    fc.assert(
      fc.property(damage, ({ which, edits, end }) => {
        let text = texts[which]
        if (end !== null) text = text.slice(0, Math.floor(end * text.length))
        for (const { at, removed, inserted } of edits) {
          const position = Math.floor(at * text.length)
          text = text.slice(0, position) + inserted + text.slice(position + removed)
        }
        parsesOrThrowsFormatError(text)
      }),
      { numRuns: 500 },
    )
  })

  it('are diagnosed, never crashed on, when numbers, types and operands are exchanged', () => {
    const word = fc.constantFrom('0', '1', '-1', '3', '2147483647', '?', 'fp16', 'int32', 'string', 'x', 'true')
    const edit = fc.record({ at: fraction, replacement: fc.option(word), from: fraction })
    const exchange = fc.record({
      which: fc.nat(texts.length - 1),
      edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
    })
    fc.assert(
      fc.property(exchange, ({ which, edits }) => {
        const parts = texts[which].split(/(\b[A-Za-z0-9_]+\b)/)
        const words = (parts.length - 1) / 2
        for (const { at, replacement, from } of edits) {
          parts[2 * Math.floor(at * words) + 1] = replacement ?? parts[2 * Math.floor(from * words) + 1]
        }
        parsesOrThrowsFormatError(parts.join(''))
      }),
      { numRuns: 500 },
    )
  })
})
