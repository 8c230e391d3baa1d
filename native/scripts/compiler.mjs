/**
 * The system's C++ compiler: where it is, which flags each file gets, what to install when there is none. A compiler is
 * `{command, version, target}`; the target says what it compiles for, so that cross-compilers share every flag.
 */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'

const require = createRequire(import.meta.url)

/** A reason to stop that a person can act on; printed without a stack. */
export class BuildError extends Error {}

const installHints = {
  darwin: 'Install it with: xcode-select --install',
  linux:
    'Install it with one of:\n' +
    '  Debian, Ubuntu:  sudo apt-get install g++\n' +
    '  Fedora, RHEL:    sudo dnf install gcc-c++\n' +
    '  Alpine:          apk add g++\n' +
    '  Arch:            sudo pacman -S gcc',
}

const installHint = () =>
  installHints[process.platform] ??
  'The addon builds on Linux and macOS; on Windows use WSL. The reference device works without it.'

const version = (command) => {
  const [program, ...args] = command
  const result = spawnSync(program, [...args, '--version'], { encoding: 'utf8' })
  return result.status === 0 ? result.stdout.split('\n', 1)[0].trim() : undefined
}

/**
 * Finds the compiler: `CXX` when set, otherwise the first of c++, g++, clang++.
 *
 * @returns {Compiler}
 * @throws {BuildError} if there is none, with the command that installs one
 */
export const findCompiler = () => {
  const wanted = process.env.CXX?.trim()
  const candidates = wanted ? [wanted.split(/\s+/)] : [['c++'], ['g++'], ['clang++']]
  for (const command of candidates) {
    const found = version(command)
    if (found) return { command, version: found, target: hostTarget() }
  }
  if (wanted) throw new BuildError(`Expected a C++ compiler for CXX, got ${wanted}, which does not run.`)
  throw new BuildError(`No C++ compiler found (tried c++, g++, clang++). ${installHint()}`)
}

/**
 * Checks that the compiler speaks C++20 and, for x64, knows every instruction that source files need.
 *
 * @throws {BuildError} if it does not
 */
export const checkCpp20 = (compiler) => {
  const [program, ...args] = compiler.command
  const probe =
    '#include <bit>\n#include <span>\nint main() { return std::popcount(0u) + (int)std::span<int>().size(); }\n'
  const instructions = compiler.target.arch === 'x64' ? Object.values(x64Flags).flat() : []
  const result = spawnSync(program, [...args, '-std=c++20', ...instructions, '-fsyntax-only', '-x', 'c++', '-'], {
    input: probe,
    encoding: 'utf8',
  })
  if (result.status === 0) return
  throw new BuildError(
    `Expected a C++20 compiler (g++ 11, clang 13 or newer), got ${compiler.version}.\n` +
      `${result.stderr.trim()}\nSet CXX to a newer one. ${installHint()}`,
  )
}

const avx512Flags = ['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mf16c', '-mfma']
const x64Flags = {
  'vec_avx512.cc': avx512Flags,
  'gemm_avx512_vnni.cc': [...avx512Flags, '-mavx512vnni'],
  'gemm_avx512_bf16.cc': [...avx512Flags, '-mavx512bf16'],
  'vec_avx2.cc': ['-mavx2', '-mfma', '-mf16c'],
  'gemm_avx2_int8.cc': ['-mavx2'],
  'gemm_avx_vnni.cc': ['-mavx2', '-mavxvnni'],
}
const arm64Features = { 'gemm_neon_bf16.cc': 'bf16', 'gemm_neon_dotprod.cc': 'dotprod' }

/** Flags for the instruction set of a file that has one. */
const instructionFlags = (name, { arch, armBase = '-march=armv8.2-a' }) => {
  if (arch === 'x64') return x64Flags[name] ?? []
  return arch === 'arm64' && arm64Features[name] ? [`${armBase}+${arm64Features[name]}`] : []
}

/**
 * What a compiler compiles for: Node's names of the system and processor, flags of every file and link, flags at the end
 * of every file's, those that link a Node addon whose `napi_*` symbols the running Node provides, and those that leave debug
 * information out of a linked library, and what names ARMv8.2 where `-march` does not.
 *
 * @typedef {{platform: string, arch: string, flags: string[], lastFlags: string[], addonFlags: string[],
 *   stripFlags: string[], armBase?: string}} Target
 * @typedef {{command: string[], version: string, target: Target, cpp20?: boolean}} Compiler `cpp20`: known to speak C++20
 */

const hostTarget = () => {
  const { platform, arch } = process
  const darwin = platform === 'darwin'
  return {
    platform,
    arch,
    flags: darwin ? ['-arch', arch === 'x64' ? 'x86_64' : arch] : [],
    lastFlags: process.env.CXXFLAGS?.trim().split(/\s+/).filter(Boolean) ?? [],
    addonFlags: darwin ? ['-bundle', '-undefined', 'dynamic_lookup'] : linuxAddonFlags,
    stripFlags: [],
  }
}

/** All symbols are bound when the addon loads, so that one the sources lack is found at once. */
export const linuxAddonFlags = ['-shared', '-Wl,-z,now']

/** Flags that every file and the link get. Contraction is off so that `exact` means the same on every processor. */
export const commonFlags = (target, sanitize) => [
  ...target.flags,
  '-std=c++20',
  ...(sanitize
    ? ['-O1', '-g', '-fno-omit-frame-pointer', `-fsanitize=${sanitize}`, '-fno-sanitize-recover=all']
    : ['-O3']),
  '-fPIC',
  '-ffp-contract=off',
  '-fvisibility=hidden',
  '-pthread',
]

// g++ 12 warns of overlapping copies inside its own `"text" + std::string`; clang does not know the name.
const withoutFalseWarnings = ['-Wno-unknown-warning-option', '-Wno-restrict']

/** Flags of one file: its instruction set where it has one, Node's headers where it may see them. */
export const fileFlags = (file, root, target) => {
  const inNode = path.relative(path.join(root, 'src'), file).startsWith(`node${path.sep}`)
  const inSimulator = path.relative(root, file).startsWith(`sim${path.sep}`)
  return [
    '-Wall',
    '-Wextra',
    '-I',
    path.join(root, 'src'),
    ...instructionFlags(path.basename(file), target),
    ...(inNode ? nodeFlags() : []),
    ...(inSimulator ? ['-I', root, ...withoutFalseWarnings] : []),
    ...target.lastFlags,
  ]
}

const nodeFlags = () => {
  const api = path.dirname(require.resolve('node-addon-api/package.json'))
  return [
    '-isystem',
    api,
    '-isystem',
    require('node-api-headers').include_dir,
    '-DNAPI_VERSION=8',
    '-DNAPI_DISABLE_CPP_EXCEPTIONS',
    '-DNODE_ADDON_API_DISABLE_DEPRECATED',
  ]
}
