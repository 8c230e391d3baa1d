/** Budget, cache and concurrency of the compiler. */
import { AneError, type Executable } from '@ane/runtime'
import { withDevice } from './context.js'
import { type Cell, notAvailable, type Probe, type Samples } from './probe.js'
import { addition, convolutions, filled, weighted } from './programs.js'
import { chipMs, clockMs, compile, type Duration, rounded, samplesOf, timed } from './timing.js'

/** More than any published budget (about 119) and fewer than the longest run seen without one (312). */
const MOST_COMPILES = 150

/** Compiles distinct programs until one fails. Spends the budget of this process. */
export const compileBudget: Probe = {
  name: 'compile-budget',
  question: 'How many programs can one process compile?',
  run: (context) =>
    withDevice(context, async (device) => {
      const durations: Duration[] = []
      let failure: AneError | undefined
      const before = device.statistics().processCompiles
      while (failure === undefined && durations.length < MOST_COMPILES) {
        const program = addition(context, 1 + durations.length)
        try {
          const built = await timed(device, () => compile(device, program))
          durations.push(built)
          built.value.dispose()
        } catch (error) {
          if (!(error instanceof AneError)) throw error
          failure = error
        }
      }
      const { nearCompileLimit } = device.statistics()
      const compiled = durations.length
      return {
        columns: ['what', 'value'],
        rows: [
          ['compiles of this process before', before],
          ['compiles that worked', compiled],
          ['tried at most', MOST_COMPILES],
          ['first failure', failure ? `${failure.code}: ${failure.message}` : 'none'],
          ['warned that the budget is near', nearCompileLimit],
        ],
        samples: samplesOf('compile and load', durations),
        summary: {
          compiles_before: before,
          compiles: compiled,
          limit_reached: failure !== undefined,
          error_code: failure?.code ?? null,
        },
        conclusion: failure
          ? `The budget ended after ${compiled} compiles, though each program was disposed.`
          : `No limit within ${compiled} compiles.`,
      }
    }),
}

/** What makes two programs the same to the compiler. */
export const cache: Probe = {
  name: 'cache',
  question: 'When does handing over a program again save its compile?',
  run: (context) =>
    withDevice(context, async (device) => {
      const rows: Cell[][] = []
      const samples: Samples[] = []
      const summary: Record<string, Cell> = {}
      const step = async (what: string, key: string, program: ReturnType<typeof weighted>): Promise<Executable> => {
        const before = device.statistics()
        const built = await timed(device, () => compile(device, program))
        const after = device.statistics()
        const hits = (from: typeof before) => from.cacheHits + Number(from.simulator?.cache_hits ?? 0)
        const hit = hits(after) > hits(before)
        rows.push([what, hit, after.compiles - before.compiles, rounded(chipMs([built])), rounded(clockMs([built]))])
        samples.push(...samplesOf(what, [built]))
        summary[key] = hit
        return built.value
      }
      const first = await step('a new program', 'new_program_hit', weighted(context, 2))
      const twin = await step('identical text and weights, first one loaded', 'loaded_hit', weighted(context, 2))
      const other = await step('identical text, other weights', 'other_weights_hit', weighted(context, 4))
      for (const executable of [first, twin, other]) executable.dispose()
      const again = await step('identical text and weights, all unloaded', 'unloaded_hit', weighted(context, 2))
      const different = await step('another text', 'other_text_hit', addition(context, 3))
      for (const executable of [again, different]) executable.dispose()
      const saved = summary.loaded_hit === true
      return {
        columns: ['handed over', 'saved', 'compiles counted', 'compile and load ms', 'ms by the clock'],
        rows,
        samples,
        summary,
        conclusion: `Identical text and weights ${saved ? 'share one program' : 'are compiled again'}; other weights ${
          summary.other_weights_hit ? 'share it too' : 'are another program'
        }.`,
      }
    }),
}

/** A compile while another program runs. */
export const concurrency: Probe = {
  name: 'concurrency',
  question: 'Do runs go on while another program compiles?',
  run: (context) =>
    withDevice(context, async (device) => {
      const running = await compile(device, convolutions(context, 256, 128, 4))
      const shape = [1, 256, 1, 128]
      const [x, y] = [filled(device, shape, 1, 'x'), filled(device, shape, 0, 'y')]
      await running.run({ x }, { y })
      const expected = y.toFloat32()
      const alone: Duration[] = []
      for (let i = 0; i < context.runs; i++) alone.push(await timed(device, () => running.run({ x }, { y })))
      const compiled = await timed(device, () => compile(device, convolutions(context, 512, 128, 4)))
      let [done, runs] = [false, 0]
      const both = await timed(device, async () => {
        const compiling = compile(device, convolutions(context, 512, 256, 4)).finally(() => {
          done = true
        })
        do {
          await running.run({ x }, { y })
          runs++
        } while (!done)
        return compiling
      })
      const right = y.toFloat32().every((value, i) => value === expected[i])
      const per = clockMs(alone)
      for (const executable of [running, compiled.value, both.value]) executable.dispose()
      return {
        columns: ['what', 'ms by the clock', 'detail'],
        rows: [
          ['one run, nothing else', rounded(per), `${alone.length} runs`],
          ['one compile, nothing else', rounded(compiled.measured), null],
          ['a compile while the other program runs', rounded(both.measured), `${runs} runs`],
          ['two processes at once', notAvailable('a probe is one process'), null],
          ...(context.modelled ? [['modelled overlap', notAvailable('the cost model adds times up'), null]] : []),
        ],
        samples: [
          ...samplesOf('run alone', alone),
          ...samplesOf('compile alone', [compiled]),
          { label: 'compile while running', unit: 'ms', source: 'measured', values: [both.measured] },
        ],
        summary: { runs_during_compile: runs, results_right: right, run_alone_clock_ms: rounded(per) },
        conclusion: `${runs} runs ended while another program compiled, with ${right ? 'unchanged' : 'WRONG'} results.`,
      }
    }),
}
