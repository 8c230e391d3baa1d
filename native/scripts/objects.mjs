/**
 * Incremental compilation: an object is rebuilt when its command, its source or a header it included has other contents.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { BuildError, checkCpp20, commonFlags, fileFlags } from './compiler.mjs'

const jobs = 2

/** All `.cc` files below the folders, in a fixed order. */
export const findSources = (folders) =>
  folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true }).map((name) => path.join(folder, name)))
    .filter((file) => file.endsWith('.cc'))
    .sort()

const hash = (...parts) => {
  const sum = createHash('sha256')
  for (const part of parts) sum.update(part).update('\0')
  return sum.digest('hex').slice(0, 24)
}

/** Runs a compiler and resolves to its diagnostics. @throws {BuildError} carrying them if it fails */
export const run = (command, args, what) =>
  new Promise((resolve, reject) => {
    const [program, ...first] = command
    const child = spawn(program, [...first, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''
    child.stdout.on('data', (chunk) => (text += chunk))
    child.stderr.on('data', (chunk) => (text += chunk))
    child.on('error', (error) => reject(new BuildError(`${what} failed: ${error.message}`)))
    child.on('close', (code, signal) =>
      code === 0
        ? resolve(text)
        : reject(new BuildError(`${text.trim()}\n${what} failed (${signal ?? `exit ${code}`}).`)),
    )
  })

/** Files a make-style dependency file lists, escapes undone. */
const readDependencies = (file) =>
  readFileSync(file, 'utf8')
    .replace(/\\\n/g, ' ')
    .replace(/^.*?: /, '')
    .trim()
    .split(/(?<!\\)\s+/)
    .map((name) => name.replaceAll('\\ ', ' '))

const contentKey = (files) => {
  try {
    return hash(...files.map((file) => readFileSync(file)))
  } catch {
    return undefined
  }
}

const isFresh = (object) => {
  try {
    const record = JSON.parse(readFileSync(`${object}.json`, 'utf8'))
    return existsSync(object) && record.key === contentKey(record.files)
  } catch {
    return false
  }
}

const compileOne = async (compiler, flags, source, object, root) => {
  const temporary = `${object}.${process.pid}`
  const args = [...flags, '-MMD', '-MF', `${temporary}.d`, '-c', source, '-o', temporary]
  try {
    const warnings = await run(compiler.command, args, `Compiling ${path.relative(root, source)}`)
    const files = readDependencies(`${temporary}.d`)
    writeFileSync(`${temporary}.json`, JSON.stringify({ key: contentKey(files), files }))
    renameSync(temporary, object)
    renameSync(`${temporary}.json`, `${object}.json`)
    return warnings
  } finally {
    for (const leftover of ['', '.d', '.json']) rmSync(temporary + leftover, { force: true })
  }
}

/**
 * Compiles `sources` into `folder`, two at a time, skipping what is up to date.
 *
 * @param {{compiler: import('./compiler.mjs').Compiler, sources: string[], folder: string, root: string, sanitize?: string, report?: (line: string) => void}} options
 * @returns {Promise<{objects: string[], compiled: number}>} object files in the order of the sources
 * @throws {BuildError} with the compiler's message if a file does not compile
 */
export const compileObjects = async ({ compiler, sources, folder, root, sanitize, report = () => {} }) => {
  mkdirSync(folder, { recursive: true })
  const units = sources.map((source) => {
    const flags = [...commonFlags(compiler.target, sanitize), ...fileFlags(source, root, compiler.target)]
    const name = path.relative(root, source).replaceAll(path.sep, '-').replace(/\.cc$/, '')
    const key = hash(compiler.command.join(' '), compiler.version, compiler.target.arch, flags.join(' '))
    return { source, flags, object: path.join(folder, `${name}-${key}.o`) }
  })
  const stale = units.filter((unit) => !isFresh(unit.object))
  if (stale.length > 0 && !compiler.cpp20) checkCpp20(compiler)
  const queue = [...stale]
  const worker = async () => {
    for (let unit = queue.shift(); unit; unit = queue.shift()) {
      report(`  ${path.relative(root, unit.source)}`)
      try {
        const warnings = await compileOne(compiler, unit.flags, unit.source, unit.object, root)
        if (warnings.trim()) report(warnings.trim())
      } catch (error) {
        queue.length = 0
        throw error
      }
    }
  }
  const outcomes = await Promise.allSettled(Array.from({ length: jobs }, worker))
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed) throw failed.reason
  return { objects: units.map((unit) => unit.object), compiled: stale.length }
}
