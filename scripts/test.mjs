// `pnpm test`: builds everything, runs the TypeScript and the C++ tests, and ends with the sum of both.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { build, root } from './build-quietly.mjs'

if ((await build()) !== 0) process.exit(1)

const folder = mkdtempSync(join(tmpdir(), 'ane-test-'))
const report = join(folder, 'vitest.json')
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
const arguments_ = [vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
const typescript = spawnSync(process.execPath, [...arguments_, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
})
let sum = { passed: 0, failed: 0, skipped: 0 }
try {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  )
  // A file that does not load has no tests of its own but is a failure.
  const broken = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  )
  sum = { passed: numPassedTests, failed: numFailedTests + broken.length, skipped: numPendingTests + numTodoTests }
} catch {
  sum.failed = 1
}
rmSync(folder, { recursive: true })

const native = spawnSync(process.execPath, [join(root, 'native/scripts/test.mjs')], { cwd: root, encoding: 'utf8' })
process.stdout.write(native.stdout)
process.stderr.write(native.stderr)
const counts = /(\d+) passed, (\d+) failed(?![\s\S]*passed,)/.exec(native.stdout)
sum.passed += Number(counts?.[1] ?? 0)
sum.failed += counts ? Number(counts[2]) : 1

console.log(`\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`)
process.exitCode = typescript.status === 0 && native.status === 0 && sum.failed === 0 ? 0 : 1
