/** Quality of service, hardware times, functions and chains of requests. */
import { print } from '@ane/mil'
import { aneStatistics } from '@ane/runtime'
import { withDevice } from './context.js'
import { type Cell, notAvailable, type Probe, type Samples } from './probe.js'
import { addition, convolutionFlops, convolutions, filled, SMALL } from './programs.js'
import { chipMs, clockMs, compile, rounded, samplesOf, timed, timeRuns } from './timing.js'

const LEVELS: readonly (readonly [number, string])[] = [
  [0, 'real-time'],
  [9, 'background'],
  [17, 'utility'],
  [21, 'default'],
  [25, 'user-initiated'],
  [33, 'user-interactive'],
]

/** Compile, load and run at every quality of service. */
export const qos: Probe = {
  name: 'qos',
  question: 'Does quality of service change the time of a compile or a run?',
  run: async (context) => {
    const rows: Cell[][] = []
    const samples: Samples[] = []
    const times: number[] = []
    for (const [level, name] of LEVELS) {
      await withDevice(
        context,
        async (device) => {
          const program = convolutions(context, 256, 128, 1)
          const built = await timed(device, () => compile(device, program))
          const shape = [1, 256, 1, 128]
          const runs = await timeRuns(
            context,
            device,
            built.value,
            { x: filled(device, shape, 1, 'x') },
            { y: filled(device, shape, 0, 'y') },
          )
          times.push(chipMs(runs))
          rows.push([level, name, rounded(chipMs([built])), rounded(chipMs(runs)), rounded(clockMs(runs))])
          samples.push(...samplesOf(`compile, QoS ${level}`, [built]), ...samplesOf(`run, QoS ${level}`, runs))
          built.value.dispose()
        },
        { qos: level },
      )
    }
    const spread = Math.max(...times) / Math.min(...times)
    return {
      columns: ['QoS', 'name', 'compile and load ms', 'run ms', 'run ms by the clock'],
      rows,
      samples,
      summary: { levels_accepted: rows.length, slowest_over_fastest: rounded(spread, 3) },
      conclusion: context.modelled
        ? 'Every level is accepted; the cost model does not depend on it.'
        : `Every level is accepted; the slowest run takes ${spread.toFixed(2)} times the fastest.`,
    }
  },
}

/** The hardware's own clock. */
export const perfStats: Probe = {
  name: 'perf-stats',
  question: 'Does a run report the time the hardware took?',
  run: (context) =>
    withDevice(
      context,
      async (device) => {
        const program = convolutions(context, 512, 128, 8)
        const executable = await compile(device, program)
        const shape = [1, 512, 1, 128]
        const [x, y] = [filled(device, shape, 1, 'x'), filled(device, shape, 0, 'y')]
        const runs = await timeRuns(context, device, executable, { x }, { y })
        const total = aneStatistics(device)?.hardwareMs ?? null
        const hardware = total === null ? null : rounded(total / (runs.length + 1))
        const rate = (ms: number) => rounded(convolutionFlops(512, 128, 8) / ms / 1e9, 2)
        executable.dispose()
        return {
          columns: ['clock', 'ms per run', 'TFLOP/s'],
          rows: [
            ['hardware', hardware ?? notAvailable('no run reported one'), hardware === null ? null : rate(hardware)],
            ['around the call, on this machine', rounded(clockMs(runs)), rate(clockMs(runs))],
            ...(context.modelled ? [['cost model', rounded(chipMs(runs)), rate(chipMs(runs))]] : []),
          ],
          samples: samplesOf('run', runs),
          summary: { hardware_ms: hardware },
          conclusion:
            hardware === null
              ? 'No hardware time is reported.'
              : `A run reports ${hardware} ms of the hardware${context.modelled ? ', as modelled' : ''}.`,
        }
      },
      { perfStats: true },
    ),
}

/** Several functions in one program. */
export const procedure: Probe = {
  name: 'procedure',
  question: 'Can one program hold several functions and run any of them?',
  run: (context) =>
    withDevice(context, async (device) => {
      const [main, second] = [addition(context, 1).program, addition(context, 2).program]
      const both = {
        ...main,
        functions: [main.functions[0], { ...second.functions[0], name: 'second' }],
      }
      const text = print(both)
      const [x, y] = [filled(device, SMALL, 1, 'x'), filled(device, SMALL, 0, 'y')]
      const rows: Cell[][] = []
      for (const [name, expected] of [
        ['main', 2],
        ['second', 3],
      ] as const) {
        try {
          const executable = await device.compile(text, { name, function: name })
          executable.runSync({ x }, { y })
          const output = y.toFloat32()[0]
          rows.push([name, output, expected, output === expected ? 'right' : 'wrong'])
          executable.dispose()
        } catch (error) {
          rows.push([name, null, expected, notAvailable((error as Error).message)])
        }
      }
      const right = rows.filter(([, , , result]) => result === 'right').length
      return {
        columns: ['function', 'output', 'expected', 'result'],
        rows,
        samples: [],
        summary: { functions: rows.length, functions_run: right },
        conclusion:
          right === rows.length
            ? 'Every function of the program runs.'
            : `${right} of ${rows.length} functions run; give each function a program of its own.`,
      }
    }),
}

/** Two programs in a row against one that holds both. */
export const chaining: Probe = {
  name: 'chaining',
  question: 'What does it cost to run one program on the output of another?',
  run: (context) =>
    withDevice(context, async (device) => {
      const single = await compile(device, convolutions(context, 256, 128, 1))
      const fused = await compile(device, convolutions(context, 256, 128, 2))
      const shape = [1, 256, 1, 128]
      const [x, h, y] = ['x', 'h', 'y'].map((name) => filled(device, shape, 1, name))
      const schedule = device.createSchedule().run(single, { x }, { y: h }).run(single, { x: h }, { y })
      schedule.executeSync()
      const two = []
      for (let i = 0; i < context.runs; i++) two.push(await timed(device, () => schedule.executeSync()))
      const separate = y.toFloat32()
      const one = await timeRuns(context, device, fused, { x }, { y })
      const same = y.toFloat32().every((value, i) => value === separate[i])
      const copies = device.statistics().stagedCopies
      const [twoMs, oneMs] = [chipMs(two), chipMs(one)]
      for (const executable of [single, fused]) executable.dispose()
      return {
        columns: ['form', 'ms', 'ms by the clock', 'copies between programs'],
        rows: [
          ['two programs sharing a surface', rounded(twoMs), rounded(clockMs(two)), copies],
          ['one program holding both', rounded(oneMs), rounded(clockMs(one)), 0],
          ['_ANEChainingRequest', notAvailable('the interface makes no chained requests'), null, null],
        ],
        samples: [...samplesOf('two programs', two), ...samplesOf('one program', one)],
        summary: {
          two_programs_ms: rounded(twoMs),
          one_program_ms: rounded(oneMs),
          copies,
          equal_results: same,
          speedup: rounded(twoMs / oneMs, 3),
        },
        conclusion: `One program takes ${(oneMs / twoMs).toFixed(2)} of the time of two, which share a surface with ${copies} copies${same ? '' : ', and gives other numbers'}.`,
      }
    }),
}
