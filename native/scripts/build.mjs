/**
 * Builds `build/ane.node` and `build/libane_sim` with the system's C++ compiler. Nothing is downloaded; unchanged files
 * are not recompiled.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { addonLinkFlags, BuildError, commonFlags, findCompiler } from './compiler.mjs'
import { compileObjects, findSources, run } from './objects.mjs'
import { buildSimulator } from './simulator.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const parts = ['base', 'kernels', 'host', 'engine', 'schedule', 'ane', 'node']

const build = async () => {
  const compiler = findCompiler()
  const started = performance.now()
  const output = path.join(root, 'build', 'ane.node')
  const { objects, compiled } = await compileObjects({
    compiler,
    sources: findSources(parts.map((part) => path.join(root, 'src', part))),
    folder: path.join(root, 'build', 'objects'),
    root,
    report: (line) => console.log(line),
  })
  const link = [...commonFlags(), ...addonLinkFlags()]
  const sum = createHash('sha256').update(link.join(' '))
  for (const object of objects) sum.update(path.basename(object)).update(readFileSync(object))
  const key = sum.digest('hex')
  const keyFile = path.join(root, 'build', 'ane.node.key')
  if (compiled === 0 && existsSync(output) && existsSync(keyFile) && readFileSync(keyFile, 'utf8') === key) return

  const temporary = `${output}.${process.pid}`
  mkdirSync(path.dirname(output), { recursive: true })
  try {
    await run(compiler.command, [...link, ...objects, '-o', temporary], 'Linking build/ane.node')
    renameSync(temporary, output)
  } finally {
    rmSync(temporary, { force: true })
  }
  writeFileSync(keyFile, key)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(
    `Built build/ane.node: ${compiled} of ${objects.length} files compiled in ${seconds} s with ${compiler.version}`,
  )
}

try {
  await build()
  await buildSimulator({
    compiler: findCompiler(),
    folder: path.join(root, 'build'),
    objects: path.join(root, 'build', 'objects'),
    root,
    report: (line) => console.log(line),
  })
} catch (error) {
  if (!(error instanceof BuildError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
