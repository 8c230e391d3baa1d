/**
 * Builds `libane_sim`, the simulator of the Neural Engine framework: a shared library that is only ever loaded by path.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { commonFlags } from './compiler.mjs'
import { compileObjects, findSources, run } from './objects.mjs'

const engineParts = ['base', 'kernels', 'engine']

const simulatorName = (platform) => `libane_sim.${platform === 'darwin' ? 'dylib' : 'so'}`

const linkFlags = (platform, root) =>
  platform === 'darwin'
    ? ['-dynamiclib', '-install_name', `@rpath/${simulatorName(platform)}`]
    : ['-shared', '-Wl,-z,now,-z,nodelete,-Bsymbolic', `-Wl,--version-script=${path.join(root, 'sim', 'exports.map')}`]

/**
 * Compiles and links the library unless it is up to date; the last step is an atomic rename.
 *
 * @param {{compiler: import('./compiler.mjs').Compiler, folder: string, objects: string, root: string,
 *   sanitize?: string, report?: (line: string) => void}} options `folder` receives the library, `objects` the object files
 * @returns {Promise<string>} the library's path
 * @throws {BuildError} with the compiler's message
 */
export const buildSimulator = async ({ compiler, folder, objects: objectFolder, root, sanitize, report }) => {
  const { objects } = await compileObjects({
    compiler,
    sources: findSources([path.join(root, 'sim'), ...engineParts.map((part) => path.join(root, 'src', part))]),
    folder: objectFolder,
    root,
    sanitize,
    report,
  })
  const { target } = compiler
  const output = path.join(folder, simulatorName(target.platform))
  const link = [...commonFlags(target, sanitize), ...linkFlags(target.platform, root), ...target.stripFlags]
  const sum = createHash('sha256')
    .update(link.join(' '))
    .update(readFileSync(path.join(root, 'sim', 'exports.map')))
  for (const object of objects) sum.update(path.basename(object)).update(readFileSync(object))
  const key = sum.digest('hex')
  const keyFile = path.join(objectFolder, `${path.basename(output)}.key`)
  if (existsSync(output) && existsSync(keyFile) && readFileSync(keyFile, 'utf8') === key) return output
  mkdirSync(folder, { recursive: true })
  const temporary = `${output}.${process.pid}`
  try {
    await run(compiler.command, [...link, ...objects, '-o', temporary], `Linking ${path.basename(output)}`)
    renameSync(temporary, output)
  } finally {
    rmSync(temporary, { force: true })
  }
  writeFileSync(keyFile, key)
  return output
}
