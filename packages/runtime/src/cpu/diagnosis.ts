/** Why the native addon does not load, and what to do about it. */
import { spawnSync } from 'node:child_process'
import { AneError } from '../ane-error.js'

const build = 'pnpm --filter @ane/native build'
const oldestNode = [20, 19] as const

/** What a diagnosis looks at besides the error; replaceable in tests. */
export interface Surroundings {
  platform: string
  arch: string
  nodeVersion: string
  /** C library version of this process, undefined where there is none (musl, macOS). */
  glibc?: string
  /** Whether an x64 Node runs on an Apple chip. */
  translated: boolean
}

/** The facts of this process. */
function currentSurroundings(): Surroundings {
  const { platform, arch, version } = process
  const header = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined
  const translated =
    platform === 'darwin' && arch === 'x64' && spawnSync('sysctl', ['-n', 'sysctl.proc_translated']).stdout?.[0] === 49
  return { platform, arch, nodeVersion: version, glibc: header?.header?.glibcVersionRuntime, translated }
}

/** Turns a failure to load the addon into an `AneError` whose message is a numbered list of likely fixes. */
export function diagnoseAddon(cause: unknown, surroundings = currentSurroundings()): AneError {
  const message = cause instanceof Error ? cause.message : String(cause)
  const { code } = cause as { code?: string }
  const missing = code === 'ADDON_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
  const hints = [...hostHints(surroundings), ...(missing ? missingHints() : loadHints(message, surroundings))]
  hints.push("Without the addon, openDevice('reference') works everywhere, slowly.")
  const list = hints.map((hint, i) => `  ${i + 1}. ${hint}`).join('\n')
  return new AneError(missing ? 'ADDON_NOT_FOUND' : 'ADDON_INCOMPATIBLE', `${message}\n${list}`, { cause })
}

function hostHints({ platform, nodeVersion, translated }: Surroundings): string[] {
  const hints: string[] = []
  const [major, minor] = nodeVersion.replace(/^v/, '').split('.').map(Number)
  if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
    hints.push(`Node ${nodeVersion} is too old: install Node ${oldestNode.join('.')} or newer.`)
  }
  if (platform === 'win32') hints.push('The addon builds on Linux and macOS: use WSL.')
  if (translated) hints.push('This x64 Node runs under Rosetta: install the arm64 Node, then build again.')
  return hints
}

function missingHints(): string[] {
  const hints = [`Build it: ${build} (needs g++ 11, clang 13 or newer)`]
  if (process.env.ANE_ADDON) hints.push('ANE_ADDON names the file to load: correct it or unset it.')
  return hints
}

function loadHints(message: string, { arch, glibc }: Surroundings): string[] {
  if (/GLIBC|GLIBCXX|CXXABI/.test(message)) {
    const own = glibc ? ` (this system has glibc ${glibc})` : ''
    return [`It was built on a newer system${own}: build it here: ${build}`]
  }
  if (/musl|ld-linux|libstdc\+\+/.test(message)) {
    return [`A C++ run-time library is missing: install libstdc++ (Alpine: apk add libstdc++), then ${build}`]
  }
  if (/wrong ELF class|incompatible architecture|invalid ELF header|Exec format|not a mach-o/i.test(message)) {
    return [`It was built for another processor or system; this Node is ${arch}: ${build}`]
  }
  return [`Build it again, from scratch: remove native/build, then ${build}`]
}
