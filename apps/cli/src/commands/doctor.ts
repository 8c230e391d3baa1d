import { deviceReport } from '@ane/runtime'
import { formatBytes } from '@ane/telemetry'
import { exitCode } from '../exit.js'
import { print, printFacts, printJson, style } from '../terminal/output.js'

/** `ane doctor`: what this machine can do; exit status 3 when no device works. */
export async function doctor(flags: { json?: boolean }): Promise<void> {
  const report = await deviceReport()
  if (flags.json) printJson(report)
  else {
    printFacts([
      ['platform', `${report.platform} ${report.arch}`],
      ['node', report.node],
      ['processor', `${report.cpu}, ${report.cores} cores usable`],
      ['memory', `${formatBytes(report.freeMemory)} free of ${formatBytes(report.totalMemory)}`],
    ])
    print()
    for (const { name, ok, detail, fix } of report.checks) {
      print(`  ${ok ? style('green', 'ok  ') : style('red', 'fail')}  ${name}: ${detail}`)
      if (!ok && fix) print(`        ${fix}`)
    }
  }
  if (!report.checks.every(({ ok, optional }) => ok || optional)) process.exitCode = exitCode.device
}
