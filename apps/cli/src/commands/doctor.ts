import {
  type DeviceReport,
  deviceReport,
  type KernelReport,
  type NeuralEngineReport,
  neuralEngineReport,
  openDevice,
} from '@ane/runtime'
import { formatBytes } from '@ane/telemetry'
import { exitCode } from '../exit.js'
import { print, printFacts, printJson, style } from '../terminal/output.js'

/** One thing that must work, and what to do when it does not. */
interface Check {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  readonly fix?: string
}

const SMOKE_PROGRAM = `program(1.3)
{
    func main<ios18>(tensor<fp16, [1, 4, 1, 8]> x) {
        tensor<fp16, [1, 4, 1, 8]> y = add(x = x, y = x)[name = string("y")];
    } -> (y);
}`

/** `ane doctor`: what this machine can do; exit status 3 when the CPU engine does not work. */
export async function doctor(flags: { json?: boolean }): Promise<void> {
  const report = deviceReport()
  const neuralEngine = await neuralEngineReport()
  const checks = [
    addonCheck(report),
    await smokeCheck(report),
    compilerCheck(report),
    ...methodChecks(neuralEngine),
    neuralEngineCheck(neuralEngine, report),
  ]
  const works = checks[0].ok && checks[1].ok
  if (flags.json) printJson({ ok: works, ...report, neuralEngine, checks })
  else {
    printFacts([
      ['platform', `${report.platform} ${report.release} ${report.arch}`],
      ['node', report.node],
      ['processor', `${report.cpuModel}, ${report.cores.available} of ${report.cores.total} cores usable`],
      [
        'instruction sets',
        `${report.isas.join(', ') || 'unknown'}${report.forcedIsa ? `, forced to ${report.forcedIsa}` : ''}`,
      ],
      ...report.kernels.map((kernel): [string, string] => [`${kernel.factors} products`, kernelText(kernel)]),
      ['memory', formatBytes(report.memory)],
    ])
    print()
    for (const { name, ok, detail, fix } of checks) {
      print(`  ${ok ? style('green', 'ok  ') : style('yellow', 'no  ')}  ${name}: ${detail}`)
      if (!ok && fix) print(`        ${fix}`)
    }
  }
  if (!works) process.exitCode = exitCode.device
}

function kernelText({ factors, kernel, notUsed }: KernelReport): string {
  const name = kernel ?? 'as fp32'
  const what = factors === 'bf16' ? `${name}, with --math fast` : name
  return notUsed.length === 0 ? what : `${what} (${notUsed.join('; ')})`
}

/** The addon's own check says why it is missing. */
const withoutAddon = (name: string): Check => ({ name, ok: false, detail: 'needs the native addon' })

function addonCheck({ addon }: DeviceReport): Check {
  if (addon.status === 'loaded') return { name: 'native addon', ok: true, detail: addon.path }
  return { name: 'native addon', ok: false, detail: addon.error, fix: 'Build it with: pnpm --filter @ane/native build' }
}

async function smokeCheck({ addon }: DeviceReport): Promise<Check> {
  const name = 'compile and run a program'
  if (addon.status === 'failed') return withoutAddon(name)
  try {
    const device = await openDevice('cpu')
    const executable = await device.compile(SMOKE_PROGRAM)
    const [x, y] = ['x', 'y'].map((surface) => device.createSurface([1, 4, 1, 8], 'fp16', surface))
    x.write(new Float32Array(32).fill(1.5))
    await executable.run({ x }, { y })
    const right = y.toFloat32().every((value) => value === 3)
    const detail = device.description.summary
    device.dispose()
    return { name, ok: right, detail: right ? detail : `wrong numbers on ${detail}` }
  } catch (error) {
    return { name, ok: false, detail: (error as Error).message }
  }
}

function compilerCheck({ compiler, platform }: DeviceReport): Check {
  const name = 'C++ compiler'
  if (compiler) return { name, ok: true, detail: compiler.version }
  const fix =
    platform === 'darwin'
      ? 'xcode-select --install'
      : 'Install g++ 11 or clang++ 14, or newer (Debian: apt install g++)'
  return { name, ok: false, detail: 'none found; needed to build from source only', fix }
}

function neuralEngineCheck({ expected, summary, reason }: NeuralEngineReport, { addon }: DeviceReport): Check {
  const name = 'Neural Engine compiles and runs a program'
  if (addon.status === 'failed') return withoutAddon(name)
  if (summary !== undefined) return { name, ok: true, detail: summary }
  const fix = expected
    ? 'The CPU engine is used instead. Update macOS, or send this report with ane doctor --json.'
    : 'Try it simulated: --device ane-sim'
  return { name, ok: false, detail: reason ?? 'no reason given', fix }
}

/** One line for the framework's classes and methods when all are there, one for each that is not. */
function methodChecks({ expected, methods }: NeuralEngineReport): Check[] {
  if (!expected) return []
  const name = 'Neural Engine framework'
  const fix = 'This macOS is not known to the bridge; send this report with ane doctor --json.'
  if (methods.length === 0) return [{ name, ok: false, detail: 'not found', fix: 'macOS 13 or newer has it.' }]
  const wrong = methods.filter((method) => !method.ok)
  if (wrong.length === 0) return [{ name, ok: true, detail: `${methods.length} methods as expected` }]
  return wrong.map(({ name: method, expected: types, found, required, evidence }) => ({
    name: `${name}, ${required ? 'required' : 'optional'}`,
    ok: false,
    detail:
      found === '' ? `${method} is missing (${evidence})` : `${method} is ${found}, expected ${types} (${evidence})`,
    fix: required ? fix : 'Nothing depends on it but performance statistics or the description of the chip.',
  }))
}
