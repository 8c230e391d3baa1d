#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { exitCode, exitCodeOf, UsageError } from './exit.js'
import { benchOptions } from './options/bench-options.js'
import { estimateRows, probeRows, samplingRows, vocabSizeRow } from './options/command-options.js'
import { deviceRows, deviceRowsFor, dtypeRow, mathRow, threadsRow } from './options/device-options.js'
import { addOptions } from './options/table.js'
import { trainOptions } from './options/train-options.js'
import { style } from './terminal/output.js'

const EXIT_HELP = `
Exit status: 0 done, 1 the run failed, 2 wrong usage, 3 device or installation problem, 130 interrupted (train saves first).`

/** Commands load their code when they run, so that --help and errors in usage come at once. */
function program(): Command {
  const ane = new Command('ane')
    .description("Train and run small transformers on Apple's Neural Engine, or on any CPU.")
    .helpCommand(false)
    .showSuggestionAfterError()
    .showHelpAfterError('(add --help for the options)')
    .addHelpText('after', EXIT_HELP)
    .exitOverride()
    .configureOutput({ writeErr: (text) => process.stderr.write(text) })

  const train = ane
    .command('train')
    .description('train a model; without flags, a small one on built-in stories')
    .addHelpText(
      'after',
      `
Examples:
  ane train
  ane train --data my-text.txt --model stories15m --max-steps 2000
  ane train --init runs/tiny --data notes/ --learning-rate 1e-4
  ane train --resume`,
    )
  addOptions(train, trainOptions).action(async (flags) => (await import('./commands/train.js')).train(flags))

  const sample = ane
    .command('sample')
    .description('write text with a trained model')
    .argument('<run|checkpoint>', 'a run folder (its best checkpoint), a model folder or a llama2.c .bin file')
    .option('--prompt <text>', 'text to continue', '')
    .option('--tokenizer <path>', 'tokenizer, where the checkpoint has none beside it')
    .option('--json', 'print one JSON object')
    .action(async (target, flags) => (await import('./commands/sample.js')).sample(target, flags))
  addOptions(sample, [...samplingRows, ...deviceRows, dtypeRow, threadsRow])

  const data = ane
    .command('data')
    .description('turn text into token shards that train reads')
    .argument('<text>', 'a .txt or .jsonl file or a folder of them')
    .requiredOption('--out <folder>', 'where the shards go; must not exist')
    .option('--tokenizer <path>', 'tokenizer file or folder (default: train one on the text)')
    .option('--json', 'print one JSON object')
    .action(async (text, flags) => (await import('./commands/data.js')).data(text, flags))
  addOptions(data, [vocabSizeRow])

  const info = ane
    .command('info')
    .description('describe a model preset, a checkpoint or a run; without an argument, list the presets')
    .argument('[model|checkpoint]', 'preset name or path')
    .option('--json', 'print one JSON object')
    .action(async (target, flags) => (await import('./commands/info.js')).info(target, flags))
  addOptions(info, estimateRows)

  ane
    .command('doctor')
    .description('check what this machine can do and what is missing')
    .option('--json', 'print one JSON object')
    .action(async (flags) => (await import('./commands/doctor.js')).doctor(flags))

  const probe = ane
    .command('probe')
    .description('ask a Neural Engine, or its simulator, how it behaves; without a name, list the questions')
    .argument('[name]', 'one of the list, or all')
    .option('--json', 'print one JSON object with the raw samples (docs/probe-schema.md)')
    .action(async (name, flags) => (await import('./commands/probe.js')).probe(name, flags))
  addOptions(probe, probeRows)

  const mil = ane.command('mil').description('check and run MIL programs')
  mil
    .command('check')
    .description('parse and verify a program, and check it against the limits of a chip')
    .argument('<file.mil>')
    .option('--weights <folder>', 'the folder that @model_path means (default: that of the file)')
    .option('--target <chip>', 'm1 … m5, or a variant such as m1-pro or m4-max')
    .option('--os <version>', 'macOS version of the target, e.g. 26.2')
    .option('--fix <out.mil>', 'write the program as the target takes it')
    .option(
      '--pad-widths',
      'with --fix: widen inputs and outputs to multiples of 32 columns, which changes how they are bound',
    )
    .option('--json', 'print the diagnostics as one JSON object')
    .action(async (file, flags) => (await import('./commands/mil-check.js')).milCheck(file, flags))
  const milRun = mil
    .command('run')
    .description('run a program on tensors from a safetensors file')
    .argument('<file.mil>')
    .requiredOption('--inputs <in.safetensors>', 'one tensor per function input, by name')
    .requiredOption('--outputs <out.safetensors>', 'where the outputs go, one tensor each')
    .option('--weights <folder>', 'the folder that @model_path means (default: that of the file)')
    .option('--function <name>', 'which function to run', 'main')
    .option('--lenient', 'accept weight records with a wrong type, size or pointer')
    .option('--json', 'print one JSON object')
    .action(async (file, flags) => (await import('./commands/mil-run.js')).milRun(file, flags))
  addOptions(milRun, [...deviceRowsFor('cpu'), mathRow, threadsRow])

  const bench = ane.command('bench').description('measure speed on this machine')
  const measured = (name: keyof typeof benchOptions, description: string) =>
    addOptions(bench.command(name).description(description), benchOptions[name])
  measured('step', 'time whole training steps, and report where the time goes').action(async (flags) =>
    (await import('./commands/bench-step.js')).benchStep(flags),
  )
  measured('gemm', 'time the matrix products of a training step against the measured peak').action(async (flags) =>
    (await import('./commands/bench-gemm.js')).benchGemm(flags),
  )
  measured('decode', 'time one token through every weight of a model against the memory bandwidth').action(
    async (flags) => (await import('./commands/bench-decode.js')).benchDecode(flags),
  )
  measured('optim', 'time clipping and AdamW over every weight of a model against the memory bandwidth').action(
    async (flags) => (await import('./commands/bench-optim.js')).benchOptim(flags),
  )
  measured('peak', 'measure what the processor computes and the memory moves, per thread and together').action(
    async (flags) => (await import('./commands/bench-peak.js')).benchPeak(flags),
  )
  measured('memory', 'hold the memory of training steps against its estimate, and watch it over --steps').action(
    async (flags) => (await import('./commands/bench-memory.js')).benchMemory(flags),
  )
  measured(
    'pipelines',
    'compare every way to cut a training step into programs, measured here and modelled on chips',
  ).action(async (flags) => (await import('./commands/bench-pipelines.js')).benchPipelines(flags))

  bench
    .command('report')
    .description('join files of probe and the benchmarks (--json) into tables across chips')
    .argument('<files...>', 'JSON files, from any machine')
    .option('--out <folder>', 'write report.md and plots there (default: print the Markdown)')
    .option('--json', 'print the tables as one JSON object')
    .action(async (files, flags) => (await import('./commands/bench-report.js')).benchReport(files, flags))

  for (const command of [ane, ...ane.commands, ...mil.commands, ...bench.commands])
    command.exitOverride().showSuggestionAfterError()
  return ane
}

async function main(): Promise<number> {
  try {
    await program().parseAsync()
    return Number(process.exitCode ?? exitCode.done)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.done : exitCode.usage
    const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined }
    process.stderr.write(`${style('red', 'error:')} ${message}\n`)
    if (process.env.ANE_DEBUG) process.stderr.write(`${stack}\n`)
    else if (!(error instanceof UsageError) && (error as { code?: string }).code === undefined && isBug(error))
      process.stderr.write('This is a bug. ANE_DEBUG=1 shows where it happened.\n')
    return exitCodeOf(error)
  }
}

/** Errors that no file, argument or device caused. */
function isBug(error: unknown): boolean {
  return error instanceof TypeError || error instanceof ReferenceError || error instanceof SyntaxError
}

// A closed pipe (ane … | head) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCode.done)
  throw error
})

// Leaving through exit lets devices remove their temporary folders; a second signal ends the process at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    const handledElsewhere = process.listenerCount(signal) > 0
    if (!handledElsewhere) process.exit(exitCode.interrupted)
  })

process.exitCode = await main()
