/**
 * A cross-compiler and an emulator for arm64 on Linux: optional tools of tests, found here and nowhere else.
 */
import { spawnSync } from 'node:child_process'
import { linuxAddonFlags } from './compiler.mjs'

const howToGet = 'Install it with: sudo apt-get install g++-aarch64-linux-gnu qemu-user-static'

const version = (program) => {
  const result = spawnSync(program, ['--version'], { encoding: 'utf8' })
  return result.status === 0 ? result.stdout.split('\n', 1)[0].trim() : undefined
}

/**
 * What compiles for arm64 and runs it, as a processor with every extension there is. Programs are static, so that the
 * emulator needs no libraries of that processor.
 *
 * @returns {{compiler?: import('./compiler.mjs').Compiler, emulator?: string[], missing?: string}} `missing` says what is
 */
export const findArm64Tools = () => {
  const command = 'aarch64-linux-gnu-g++'
  const found = version(command)
  if (!found) return { missing: `Expected ${command}, got none. ${howToGet}` }
  const emulator = ['qemu-aarch64-static', 'qemu-aarch64'].find(version)
  if (!emulator) return { missing: `Expected qemu-aarch64, got none. ${howToGet}` }
  const target = {
    platform: 'linux',
    arch: 'arm64',
    flags: ['-static'],
    lastFlags: [],
    addonFlags: linuxAddonFlags,
    stripFlags: [],
  }
  return { compiler: { command: [command], version: found, target }, emulator: [emulator, '-cpu', 'max'] }
}
