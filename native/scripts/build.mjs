/**
 * Builds `build/ane.node` and `build/libane_sim` with the system's C++ compiler. Nothing is downloaded; unchanged files
 * are not recompiled.
 */
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildAddon } from './addon.mjs'
import { BuildError, findCompiler } from './compiler.mjs'
import { buildSimulator } from './simulator.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

try {
  const folder = path.join(root, 'build')
  const options = {
    compiler: findCompiler(),
    folder,
    objects: path.join(folder, 'objects'),
    root,
    report: (line) => console.log(line),
  }
  await buildAddon(options)
  await buildSimulator(options)
} catch (error) {
  if (!(error instanceof BuildError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
