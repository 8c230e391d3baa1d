// Packs every published package, checks its metadata and types, and imports it from a clean folder both ways.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './build-quietly.mjs'

const run = (command, args, cwd) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
const folder = mkdtempSync(join(tmpdir(), 'ane-packages-'))
const modules = join(folder, 'node_modules', '@ane')
mkdirSync(modules, { recursive: true })
let failures = 0

const places = [...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`), 'native']
for (const place of places) {
  const { name, dependencies = {} } = JSON.parse(readFileSync(join(root, place, 'package.json'), 'utf8'))
  const target = join(modules, name.slice('@ane/'.length))
  try {
    run('npx', ['publint', '--strict', '--pack', 'npm'], join(root, place))
    mkdirSync(target)
    const [{ filename }] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', folder], join(root, place)))
    run('tar', ['xzf', join(folder, filename), '-C', target, '--strip-components=1'], folder)
    for (const dependency of Object.keys(dependencies).filter((other) => !other.startsWith('@ane/')))
      symlinkSync(join(root, place, 'node_modules', dependency), join(folder, 'node_modules', dependency))
  } catch (error) {
    failures++
    console.error(`${name}: ${error.stdout ?? ''}${error.stderr ?? error.message}`)
  }
}

for (const place of places.filter((at) => at !== 'native')) {
  const { name } = JSON.parse(readFileSync(join(root, place, 'package.json'), 'utf8'))
  const check = `if (Object.keys(package_).length === 0) throw new Error('no exports')`
  writeFileSync(join(folder, 'a.mjs'), `import * as package_ from '${name}'\n${check}\n`)
  writeFileSync(join(folder, 'a.cjs'), `const package_ = require('${name}')\n${check}\n`)
  for (const file of ['a.mjs', 'a.cjs'])
    try {
      run(process.execPath, [file], folder)
    } catch (error) {
      failures++
      console.error(`${name} (${file}): ${error.stderr}`)
    }
}
rmSync(folder, { recursive: true })
console.log(failures === 0 ? `${places.length} packages pack, install and import` : `${failures} package checks failed`)
process.exitCode = failures === 0 ? 0 : 1
