import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openDevice } from '../index.js'

const text = `program(1.3)
{
    func main<ios18>(tensor<fp16, [1, 64, 1, 64]> x) {
        tensor<fp16, [1, 64, 1, 64]> y = add(x = x, y = x)[name = string("y")];
    } -> (y);
}`

/** Compiles a program in another process, which then ends by `ending` without disposing of anything. */
function runProcess(folder: string, ending: string): void {
  const script = `
    const addon = require(${JSON.stringify(createRequire(import.meta.url).resolve('@ane/native'))})
    const device = addon.aneDeviceCreate(1, 21, false, 0, addon.simulatorPath, '{}')
    addon.deviceCompile(device, ${JSON.stringify(text)}, 'main', [], [], false, 'main').then((program) => {
      globalThis.kept = [device, program, addon.surfaceCreate([1, 64, 1, 64], 'fp16', device)]
      if (require('node:fs').readdirSync(process.env.TMPDIR).length !== 2) process.exitCode = 9
      ${ending}
    })`
  const { status, signal, stderr } = spawnSync(process.execPath, ['-e', script], {
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: folder },
  })
  expect({ stderr, ended: signal ?? status }).toEqual({ stderr: '', ended: ending.includes('SIGKILL') ? 'SIGKILL' : 0 })
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ane-exit-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

it.each(['', 'process.exit()'])('leaves no folder of a model behind when the process ends (%s)', (ending) => {
  runProcess(folder, ending)
  expect(readdirSync(folder)).toEqual([])
})

it('leaves no folder of a model behind when the process ends while programs run and compile', () => {
  const run = "addon.programRun(program, [kept[2]], [addon.surfaceCreate([1, 64, 1, 64], 'fp16', device)])"
  const compile = `addon.deviceCompile(device, ${JSON.stringify(text.replace('y = x)[', 'y = x) ['))}, 'main', [], [], false, 'b')`
  runProcess(folder, `for (let i = 0; i < 4; i++) { ${run}; ${compile} } process.exit()`)
  expect(readdirSync(folder)).toEqual([])
})

it('removes at the next start what a killed process left', async () => {
  runProcess(folder, "process.kill(process.pid, 'SIGKILL')")
  expect(readdirSync(folder)).toHaveLength(2)
  const { TMPDIR } = process.env
  process.env.TMPDIR = folder
  try {
    ;(await openDevice('ane-sim', { threads: 1 })).dispose()
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  }
  expect(readdirSync(folder)).toEqual([])
})
