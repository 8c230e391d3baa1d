/**
 * Cross-compiles the addon into `prebuilds/<platform>-<arch>/ane.node`, for Linux the simulator too, and checks that each
 * file imports only what every supported system has.
 *
 * Usage: node scripts/release.mjs [--target darwin-arm64|linux-x64|linux-arm64] …   (all of them without --target)
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildAddon } from './addon.mjs'
import { BuildError } from './compiler.mjs'
import { checkImports } from './import-rules.mjs'
import { FormatError, readImports } from './imports.mjs'
import { buildSimulator } from './simulator.mjs'
import { findZig, targetNames, zigCompiler } from './zig.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const report = (line) => console.log(line)

const check = (file, target) => {
  const imports = readImports(readFileSync(file), path.relative(root, file))
  const problems = checkImports(imports, target)
  if (problems.length > 0) throw new BuildError(`${path.relative(root, file)}:\n  ${problems.join('\n  ')}`)
  const libraries = imports.libraries.join(', ') || 'no library'
  report(`Checked ${path.relative(root, file)}: ${imports.symbols.length} symbols from ${libraries} and Node`)
}

const release = async (names) => {
  const zig = findZig()
  for (const name of names) {
    const compiler = zigCompiler(zig, name)
    const folder = path.join(root, 'prebuilds', name)
    const options = { compiler, folder, objects: path.join(root, 'build', `release-${name}`), root, report }
    check(await buildAddon(options), compiler.target)
    if (compiler.target.platform === 'linux') check(await buildSimulator(options), compiler.target)
  }
}

try {
  const { values } = parseArgs({ options: { target: { type: 'string', multiple: true } } })
  const names = values.target ?? targetNames
  const unknown = names.find((name) => !targetNames.includes(name))
  if (unknown !== undefined) {
    throw new BuildError(`Expected one of ${targetNames.join(', ')} for --target, got ${unknown}.`)
  }
  await release(names)
} catch (error) {
  const usage = error.code?.startsWith('ERR_PARSE_ARGS')
  if (!(error instanceof BuildError) && !(error instanceof FormatError) && !usage) throw error
  console.error(error.message)
  process.exitCode = usage ? 2 : 1
}
