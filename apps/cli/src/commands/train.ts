import { spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { createTrainStep, type HostOp, loadCheckpoint, type TrainStep } from '@ane/models'
import type { Device } from '@ane/runtime'
import { type EndEvent, formatCount, JsonlSink, type TelemetryEvent } from '@ane/telemetry'
import { expectNewRun, findResume, lockRun, metricsPath, readRun, train as trainLoop, writeRun } from '@ane/train'
import { exitCode, UsageError } from '../exit.js'
import { expectMemoryFor } from '../memory.js'
import { type DeviceFlags, describeModelDevice, openDeviceFor } from '../options/device-options.js'
import { hostOpsFlag, withoutExtras } from '../options/host-ops.js'
import { toFile } from '../options/table.js'
import { trainOptions } from '../options/train-options.js'
import { writeText } from '../sampling.js'
import { print, printFacts, printJson, style } from '../terminal/output.js'
import { Progress } from '../terminal/progress.js'
import { compileBudget } from '../train/compile-budget.js'
import { givenSettings, resumedSettings, type Settings } from '../train/settings.js'
import { chooseModel, memorySizes, memoryText, parametersOf, prepare, type TrainSetup } from '../train/setup.js'

/** `ane train`: prepares, trains, shows, and leaves a run folder. */
export async function train(flags: Record<string, unknown>): Promise<void> {
  const given = givenSettings(flags)
  const resumed = given.resume === undefined ? undefined : await findResumed(given)
  const settings = resumed?.settings ?? given
  const model = await chooseModel(settings)
  const runFolder = resumed?.runFolder ?? resolve(String(settings.outputDir ?? defaultRunFolder(model.name)))
  if (!resumed) expectNewRun(runFolder)
  const existed = existsSync(runFolder)
  const unlock = lockRun(runFolder)
  let restart = false
  try {
    if (!given.json) print(style('dim', `Preparing ${settings.data ?? 'the built-in stories'} …`))
    const setup = await prepare(settings, model, runFolder)
    try {
      restart = await runTraining(setup, settings, runFolder, given, resumed)
    } finally {
      setup.data.tokens.close()
    }
  } finally {
    unlock()
    if (!resumed) removeUnstarted(runFolder, existed)
  }
  if (restart) process.exitCode = await continueInFreshProcess(runFolder, given)
}

/** Runs `ane train --resume` to its end, because this process may compile no more. */
function continueInFreshProcess(runFolder: string, given: Settings): Promise<number> {
  if (!given.json) print(style('dim', 'The compile budget of this process is used up; a fresh one continues.'))
  const flags = ['json', 'force'].filter((name) => given[name]).map((name) => `--${name}`)
  const child = spawn(process.execPath, [process.argv[1], 'train', '--resume', runFolder, ...flags], {
    stdio: 'inherit',
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => resolve(status ?? exitCode.failed))
  })
}

/** Leaves nothing behind of a run that failed before it began, so that the same command can be given again. */
function removeUnstarted(runFolder: string, existed: boolean): void {
  if (existsSync(join(runFolder, 'run.json'))) return
  rmSync(existed ? join(runFolder, 'data') : runFolder, { recursive: true, force: true })
}

interface Resumed {
  settings: Settings
  runFolder: string
  checkpoint: string
  step: number
}

async function findResumed(given: Settings): Promise<Resumed> {
  const target = given.resume === true ? String(given.outputDir ?? 'runs') : String(given.resume)
  const { runFolder, checkpoint, step } = await findResume(resolve(target))
  const settings = resumedSettings(readRun(runFolder).options, given, join(runFolder, 'run.json'))
  return { settings, runFolder, checkpoint, step }
}

const defaultRunFolder = (model: string): string =>
  join('runs', `${model}-${new Date().toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-')}`)

async function runTraining(
  setup: TrainSetup,
  settings: Settings,
  runFolder: string,
  given: Settings,
  resumed: Resumed | undefined,
): Promise<boolean> {
  const json = given.json === true
  const sizes = memorySizes(setup)
  if (!given.force) expectMemoryFor(setup.config, sizes, { otherwise: ' Or start all the same with --force.' })
  const memory = memoryText(setup.config, sizes)
  const hostOps = runHostOps(settings)
  const device = await openRunDevice(settings, runFolder)
  try {
    if (!json) showHeader(setup, device, runFolder, memory, resumed)
    const trainStep = await createTrainStep(device, setup.config, {
      weights: resumed ? (await loadCheckpoint(resumed.checkpoint)).weights : setup.weights(),
      batchSize: setup.options.batchSize,
      seqLen: setup.options.seqLen,
      dtype: setup.dtype,
      binding: settings.weights as 'packed' | 'inputs' | 'baked' | undefined,
      layersPerProgram: settings.layersPerProgram as number | 'half' | 'all' | undefined,
      hostOps,
      compactVocabulary: setup.compactVocabulary,
    })
    try {
      const reason = await follow(setup, settings, device, trainStep, runFolder, json, resumed)
      if (reason === 'interrupted') {
        process.exitCode = exitCode.interrupted
        if (!json) print(`Interrupted and saved. Continue with: pnpm ane train --resume ${shown(runFolder)}`)
      } else if (reason !== 'restart' && !json) await showSample(device, setup, trainStep, runFolder)
      return reason === 'restart'
    } finally {
      trainStep.dispose()
    }
  } finally {
    device.dispose()
  }
}

/** Runs the loop, showing and recording its events; returns why it ended. */
async function follow(
  setup: TrainSetup,
  settings: Settings,
  device: Device,
  trainStep: TrainStep,
  runFolder: string,
  json: boolean,
  resumed: Resumed | undefined,
): Promise<EndEvent['reason'] | undefined> {
  const time = new Date().toISOString()
  const { config, options, data } = setup
  const facts = { device: device.description.summary, math: device.description.math, parameters: parametersOf(setup) }
  const stored = toFile(trainOptions, settings)
  if (!resumed) writeRun(runFolder, { version: 1, created: time, options: stored, facts })
  const sink = new JsonlSink(metricsPath(runFolder), resumed && { resumeAtStep: resumed.step })
  const progress = new Progress(options.maxSteps)
  const interrupt = new Interrupt()
  const needsRestart = compileBudget(device)
  let reason: EndEvent['reason'] | undefined
  let step = resumed?.step ?? 0
  const emit = (event: TelemetryEvent) => {
    step = event.step
    if (event.type === 'end') reason = event.reason
    sink.write(event)
    if (json) printJson(event)
    else progress.show(event)
  }
  try {
    emit({ type: 'start', time, step, ...facts, options: stored })
    const addFiles = (folder: string) => data.tokenizer.save(folder)
    const { signal } = interrupt
    const resume = resumed?.checkpoint
    for await (const event of trainLoop({
      config,
      trainStep,
      tokens: data.tokens,
      options,
      runFolder,
      resume,
      addFiles,
      signal,
      needsRestart,
    }))
      emit(event)
    return reason
  } catch (error) {
    const end = {
      type: 'end',
      time: new Date().toISOString(),
      step,
      reason: 'error',
      message: (error as Error).message,
    } as const
    // The disk may be what failed; the first error is the one to tell.
    try {
      sink.write(end)
    } catch {}
    throw error
  } finally {
    progress.close()
    interrupt.close()
    sink.close()
  }
}

/** @throws {UsageError} if operations are unknown, contradict each other or do not stand between half-layer programs */
function runHostOps({ hostOps, aneExtras, layersPerProgram }: Settings): HostOp[] {
  if (hostOps !== undefined && aneExtras === false)
    throw new UsageError('Expected --host-ops or --no-ane-extras, got both.')
  const ops = aneExtras === false ? [...withoutExtras] : hostOpsFlag('--host-ops', String(hostOps ?? 'none'))
  if (ops.length > 0 && layersPerProgram !== undefined && layersPerProgram !== 'half')
    throw new UsageError(
      `Expected --layers-per-program half with --host-ops ${ops.join(',')}, got ${layersPerProgram}.`,
    )
  return ops
}

function openRunDevice(settings: Settings, runFolder: string): Promise<Device> {
  const math = settings.math as 'exact' | 'fast' | undefined
  const threads = settings.threads as number | undefined
  // Beside the run folder, which a run that fails before it begins leaves empty.
  return openDeviceFor(settings as DeviceFlags, { math, threads, dumpFolder: `${runFolder}-failed-programs` })
}

function showHeader(setup: TrainSetup, device: Device, runFolder: string, memory: string, resumed?: Resumed): void {
  const { options, data, config, compactVocabulary } = setup
  const compact = compactVocabulary && ` (${compactVocabulary.length} of them in the text)`
  const perStep = options.batchSize * options.seqLen * options.gradientAccumulationSteps
  print(style('bold', resumed ? `Resuming at step ${resumed.step}` : `Training ${setup.modelName}`))
  printFacts([
    ['device', describeModelDevice(device.description, setup.dtype)],
    [
      'model',
      `${config.model_type}, ${config.num_hidden_layers} layers, hidden ${config.hidden_size}, vocabulary ${config.vocab_size}${compact ?? ''}, ${formatCount(parametersOf(setup))} parameters`,
    ],
    ['data', `${data.description}, ${formatCount(data.tokens.length)} tokens`],
    ['step', `${perStep} tokens (${options.batchSize} × ${options.seqLen} × ${options.gradientAccumulationSteps})`],
    [
      'run',
      `${options.maxSteps} steps, ${formatCount(options.maxSteps * perStep)} tokens, learning rate ${options.learningRate}, seed ${options.seed}`,
    ],
    ['memory', memory],
    ['output', shown(runFolder)],
  ])
  print()
}

async function showSample(device: Device, setup: TrainSetup, trainStep: TrainStep, runFolder: string): Promise<void> {
  print(`\n${style('bold', 'Sample')}`)
  const options = {
    maxTokens: Math.min(160, setup.config.max_position_embeddings - 1),
    temperature: 0.7,
    topP: 0.9,
    seed: 1,
    suppressTokens: trainStep.untrainedTokens,
  }
  const model = { config: setup.config, weights: trainStep.parameters }
  const prompt = setup.data.tokenizer.bosId === undefined ? 'Once upon a time' : ''
  for await (const piece of writeText({ device, model, tokenizer: setup.data.tokenizer, prompt, options }))
    process.stdout.write(piece)
  print(`\n\n${style('bold', 'Next')}`)
  print(`  pnpm ane sample ${shown(runFolder)} --prompt "One day"`)
  print(`  pnpm ane train --resume ${shown(runFolder)} --max-steps ${2 * setup.options.maxSteps}`)
}

const shown = (path: string): string => relative(process.cwd(), path) || '.'

/** Ctrl-C once: stop after the step under way and save. Twice: leave at once. */
class Interrupt {
  readonly #controller = new AbortController()
  readonly #onSignal = () => {
    if (this.#controller.signal.aborted) process.exit(exitCode.interrupted)
    process.stderr.write('\nStopping after this step; saving. Press Ctrl-C again to leave at once.\n')
    this.#controller.abort()
  }

  constructor() {
    process.on('SIGINT', this.#onSignal)
    process.on('SIGTERM', this.#onSignal)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  close(): void {
    process.off('SIGINT', this.#onSignal)
    process.off('SIGTERM', this.#onSignal)
  }
}
