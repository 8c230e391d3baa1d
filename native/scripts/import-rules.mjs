/**
 * What a released file may import: only what every supported system has, found by the loader before any of our code can
 * report that it is missing. Everything of Apple's beyond the C library is looked up with dlsym while running.
 */
import { createRequire } from 'node:module'
import { darwinSymbols } from './darwin-symbols.mjs'

const nodeApi = () => {
  const { js_native_api_symbols, node_api_symbols } = createRequire(import.meta.url)('node-api-headers').symbols.v8
  return new Set([...js_native_api_symbols, ...node_api_symbols])
}

const newestGlibc = [2, 28]
const oldestMacos = 13

/** The C library's own; the C++ library is linked into the file. */
const linuxLibraries = /^(lib(c|m|dl|rt)\.so\.6|lib(dl|pthread|rt)\.so\.\d|ld-linux-[\w-]+\.so\.\d)$/
const darwinLibraries = new Set(['/usr/lib/libSystem.B.dylib', '/usr/lib/libc++.1.dylib'])

const isKnownGlibc = (version) => {
  const [, major, minor] = /^GLIBC_(\d+)\.(\d+)(\.\d+)?$/.exec(version ?? '') ?? []
  return major !== undefined && Number(major) === newestGlibc[0] && Number(minor) <= newestGlibc[1]
}

const linuxProblem = ({ name, version, weak }, provided) => {
  if (provided.has(name) || isKnownGlibc(version)) return undefined
  if (version) return `imports ${name} of ${version}; the newest allowed is GLIBC_${newestGlibc.join('.')}`
  return weak ? undefined : `imports ${name}, which neither glibc nor Node-API 8 has`
}

const darwinProblem = ({ name, library }, provided) => {
  if (provided.has(name.replace(/^_/, ''))) return undefined
  if (library && darwinSymbols.has(name)) return undefined
  return `imports ${name} from ${library ?? 'anywhere'}; look it up with dlsym, or list it in darwin-symbols.mjs if macOS ${oldestMacos} has it`
}

/**
 * Compares a file's imports with what the target's systems have.
 *
 * @param {ReturnType<import('./imports.mjs').readImports>} imports
 * @param {{platform: string, arch: string}} target
 * @returns {string[]} one sentence per problem; empty when the file loads everywhere
 */
export const checkImports = (imports, { platform, arch }) => {
  const darwin = platform === 'darwin'
  const format = darwin ? 'mach-o' : 'elf'
  if (imports.format !== format || imports.machine !== arch) {
    return [`Expected ${format} for ${arch}, got ${imports.format} for ${imports.machine}.`]
  }
  const provided = nodeApi()
  const allowed = (library) => (darwin ? darwinLibraries.has(library) : linuxLibraries.test(library))
  const problems = imports.libraries.filter((library) => !allowed(library)).map((library) => `needs ${library}`)
  if (darwin && !(imports.oldestSystem <= oldestMacos)) {
    problems.push(
      `needs macOS ${imports.oldestSystem ?? 'of an unknown version'}; the oldest supported is ${oldestMacos}`,
    )
  }
  for (const symbol of imports.symbols) {
    const problem = (darwin ? darwinProblem : linuxProblem)(symbol, provided)
    if (problem) problems.push(problem)
  }
  return problems
}
