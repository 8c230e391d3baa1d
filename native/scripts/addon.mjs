/**
 * Builds `ane.node`, the addon, for whatever system its compiler compiles for.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { commonFlags } from './compiler.mjs'
import { compileObjects, findSources, run } from './objects.mjs'

const parts = ['base', 'kernels', 'host', 'engine', 'schedule', 'ane', 'node']

/**
 * Compiles and links the addon unless it is up to date; the last step is an atomic rename.
 *
 * @param {{compiler: import('./compiler.mjs').Compiler, folder: string, objects: string, root: string,
 *   report?: (line: string) => void}} options `folder` receives the addon, `objects` the object files
 * @returns {Promise<string>} the addon's path
 * @throws {BuildError} with the compiler's message
 */
export const buildAddon = async ({ compiler, folder, objects: objectFolder, root, report = () => {} }) => {
  const started = performance.now()
  const output = path.join(folder, 'ane.node')
  const { objects, compiled } = await compileObjects({
    compiler,
    sources: findSources(parts.map((part) => path.join(root, 'src', part))),
    folder: objectFolder,
    root,
    report,
  })
  const link = [...commonFlags(compiler.target), ...compiler.target.addonFlags, ...compiler.target.stripFlags]
  const sum = createHash('sha256').update(link.join(' '))
  for (const object of objects) sum.update(path.basename(object)).update(readFileSync(object))
  const key = sum.digest('hex')
  const keyFile = path.join(objectFolder, 'ane.node.key')
  if (compiled === 0 && existsSync(output) && existsSync(keyFile) && readFileSync(keyFile, 'utf8') === key)
    return output

  const name = path.relative(root, output)
  const temporary = `${output}.${process.pid}`
  mkdirSync(folder, { recursive: true })
  try {
    await run(compiler.command, [...link, ...objects, '-o', temporary], `Linking ${name}`)
    renameSync(temporary, output)
  } finally {
    rmSync(temporary, { force: true })
  }
  writeFileSync(keyFile, key)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  report(`Built ${name}: ${compiled} of ${objects.length} files compiled in ${seconds} s with ${compiler.version}`)
  return output
}
