/**
 * Builds the C++ tests in `test/`, one program per `*_test.cc`, and runs them without Node.
 *
 * Usage: node scripts/test.mjs [--sanitize address,undefined | --sanitize thread | --arm64] [part of a test's name …]
 * The last line is the sum over all programs: `N passed, N failed`. Programs whose kernels are chosen once per process run
 * once for every instruction set of the processor. With `--arm64` tests of the kernels are compiled for
 * that processor and run once in its emulator; where a tool for that is missing every program counts as skipped.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { findArm64Tools } from './arm64.mjs'
import { BuildError, commonFlags, findCompiler } from './compiler.mjs'
import { compileObjects, findSources, run } from './objects.mjs'
import { buildSimulator } from './simulator.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const parts = ['base', 'kernels', 'host', 'engine', 'schedule', 'ane']
const report = (line) => console.log(line)

const archive = async (objects, file) => {
  rmSync(file, { force: true })
  await run(['ar'], ['rcs', file, ...objects], 'Archiving the engine')
  return file
}

/** Links one test unless its program was made from the same inputs. */
const link = async (compiler, object, library, program, sanitize, key) => {
  const keyFile = `${program}.key`
  if (existsSync(program) && existsSync(keyFile) && readFileSync(keyFile, 'utf8') === key) return
  const flags = commonFlags(compiler.target, sanitize)
  await run(compiler.command, [...flags, object, library, '-o', program], `Linking ${path.basename(program)}`)
  writeFileSync(keyFile, key)
}

/** Runs one program, shows what it says on failure, and reads its last line. */
const execute = (program, { emulator, env }, isa) => {
  const [command, ...args] = [...emulator, program]
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: { ...process.env, ...env, ...(isa && { ANE_ISA: isa }) },
  })
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}`
  const sum = /(\d+) passed, (\d+) failed\s*$/.exec((result.stdout ?? '').trimEnd())
  const passed = Number(sum?.[1] ?? 0)
  const failed = Number(sum?.[2] ?? 0)
  const name = `${path.basename(program)}${isa ? ` (${isa})` : ''}`
  if (result.status === 0 && sum && failed === 0) {
    report(`${name}: ${passed} passed`)
    return { passed, failed }
  }
  report(
    `${output.trimEnd()}\n${name}: ended with ${result.signal ?? result.error?.message ?? `exit ${result.status}`}`,
  )
  return { passed, failed: Math.max(failed, 1) }
}

const sourcesOf = (filters) =>
  findSources([path.join(root, 'test')])
    .filter((file) => file.endsWith('_test.cc'))
    .filter((file) => filters.length === 0 || filters.some((filter) => path.basename(file).includes(filter)))

/** Prints what `ANE_ISA` may be on this processor. */
const instructionSets = path.join(root, 'test', 'instruction_sets.cc')

/** Tests of what differs between processors; the others also load the simulator. */
const kernelTests = ['kernels_vec', 'kernels_attention', 'gemm_test', 'gemm_int8', 'matrix_vector']

/** Tests of what follows `ANE_ISA`, which a process reads once. */
const chosenKernelTests = [
  ...['gemm_test', 'gemm_int8', 'kernels_attention', 'host_kernels', 'classifier_loss'],
  ...['engine_products', 'engine_attention', 'engine_quantized', 'engine_reducing', 'engine_ops'],
]

const testArm64 = async (filters) => {
  const sources = sourcesOf(filters.length === 0 ? kernelTests : filters)
  const { compiler, emulator, missing } = findArm64Tools()
  if (missing) {
    report(`arm64 skipped: ${missing}`)
    return report(`0 passed, 0 failed, ${sources.length} skipped`)
  }
  const folder = path.join(root, 'build', 'test-arm64')
  mkdirSync(folder, { recursive: true })
  const shared = { compiler, folder: path.join(folder, 'objects'), root, report }
  const engine = await compileObjects({
    ...shared,
    sources: findSources(['base', 'kernels'].map((part) => path.join(root, 'src', part))),
  })
  await runTests({ ...shared, engine, sources, programs: folder, how: { emulator, env: {} } })
}

const test = async (sanitize, filters) => {
  const compiler = findCompiler()
  const folder = path.join(root, 'build', sanitize ? `test-${sanitize.replaceAll(',', '-')}` : 'test')
  mkdirSync(folder, { recursive: true })
  const shared = { compiler, folder: path.join(folder, 'objects'), root, sanitize, report }
  const engine = await compileObjects({
    ...shared,
    sources: findSources(parts.map((part) => path.join(root, 'src', part))),
    folder: sanitize ? shared.folder : path.join(root, 'build', 'objects'),
  })
  const simulator = await buildSimulator({
    ...shared,
    folder: sanitize ? folder : path.join(root, 'build'),
    objects: sanitize ? shared.folder : path.join(root, 'build', 'objects'),
  })
  const how = { emulator: [], env: { ANE_SIM_LIBRARY: simulator } }
  await runTests({ ...shared, engine, sources: sourcesOf(filters), programs: folder, how })
}

/** Compiles, links and runs tests with an engine that is compiled. */
const runTests = async ({ engine, sources, programs, how, ...shared }) => {
  const { compiler, sanitize } = shared
  const tests = await compileObjects({ ...shared, sources: [...sources, instructionSets] })
  const library = await archive(engine.objects, path.join(programs, 'libane.a'))
  const content = (files) => files.reduce((sum, file) => sum.update(readFileSync(file)), createHash('sha256'))
  const linked = async (object, source) => {
    const program = path.join(programs, path.basename(source, '.cc'))
    await link(compiler, object, library, program, sanitize, content([object, ...engine.objects]).digest('hex'))
    return program
  }
  const listing = await linked(tests.objects[sources.length], instructionSets)
  const emulated = how.emulator.length > 0
  const [, ...others] = emulated ? [] : spawnSync(listing, { encoding: 'utf8' }).stdout.trim().split('\n')
  let passed = 0
  let failed = 0
  for (const [i, source] of sources.entries()) {
    const program = await linked(tests.objects[i], source)
    const chosen = chosenKernelTests.some((test) => path.basename(source).startsWith(test))
    for (const isa of [undefined, ...(chosen ? others : [])]) {
      const counts = execute(program, how, isa)
      passed += counts.passed
      failed += counts.failed
    }
  }
  report(`${passed} passed, ${failed} failed`)
  if (failed > 0) process.exitCode = 1
}

try {
  const options = { sanitize: { type: 'string' }, arm64: { type: 'boolean' } }
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  await (values.arm64 ? testArm64(positionals) : test(values.sanitize, positionals))
} catch (error) {
  if (!(error instanceof BuildError) && !error.code?.startsWith('ERR_PARSE_ARGS')) throw error
  console.error(error.message)
  process.exitCode = error instanceof BuildError ? 1 : 2
}
