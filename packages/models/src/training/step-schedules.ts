import { type Device, type Schedule, type ScheduleTimes, type View, view } from '@ane/runtime'
import type { BoundProgram } from '../binding.js'
import type { Weights } from '../weights.js'
import type { Classifier } from './classifier.js'
import type { GradientPass } from './gradients.js'
import type { Parameters } from './parameters.js'
import type { SegmentPrograms } from './segment-programs.js'
import { recordBackward, recordForward } from './segment-schedule.js'
import type { StepTimes, UpdateTimes } from './step-options.js'

/** What the schedules of a training step work on. */
export interface StepParts {
  readonly device: Device
  readonly programs: SegmentPrograms
  readonly parameters: Parameters
  readonly classifier: Classifier
  /** Embedded tokens, `[C, S]`. */
  readonly input: View
  /** Gradient of the last segment's output, `[C, S]`. */
  readonly outputGradient: View
}

/** Passes over the model: `forward` goes before `loss` and both backward passes, the first of a step overwrites gradients. */
export type Pass = 'forward' | 'loss' | 'first_backward' | 'backward'

/** Everything recorded over the programs; `embedded` is the forward pass of tokens that have been embedded. */
type Passes = Record<Pass | 'embedded', Schedule>

/** The programs of the current weights and everything recorded over them. */
export class StepSchedules {
  /** Copies the weights to where the device reads them. */
  readonly stage: Schedule
  readonly #update: Schedule
  /** The same behind embedding the tokens of the forward pass that follows it; recorded when first asked for. */
  #updateAhead?: Schedule
  /** Sums the squares of all gradients. */
  readonly squares: Schedule
  /** Writes the norm of the gradients, from their squares, to `gradientNorm`. */
  readonly norm: Schedule
  readonly gradientNorm = new Float64Array(1)
  readonly #parts: StepParts
  readonly #weights: Weights
  /** Settle when the programs for the current weights can run. */
  #ready!: { forward: Promise<void>; backward: Promise<void> }
  #bound!: { forward: BoundProgram[]; backward: BoundProgram[] }
  #passes!: Passes

  private constructor(parts: StepParts) {
    const { parameters } = parts
    this.#parts = parts
    this.#weights = parameters.values
    this.stage = parts.device.createSchedule()
    this.#update = parts.device.createSchedule()
    this.squares = this.#record((schedule) => parameters.gradients.recordAllSquares(schedule))
    this.norm = this.#record((schedule) => parameters.recordGradientNorm(schedule, this.gradientNorm))
    this.compile()
  }

  /** Compiles the programs and records everything. @throws {AneError} if the device refuses a program */
  static async create(parts: StepParts): Promise<StepSchedules> {
    const schedules = new StepSchedules(parts)
    await schedules.#ready.backward
    const { programs, parameters } = parts
    for (const [i, { segment }] of programs.blocks.entries()) {
      for (const { parameter, name } of segment.weights) {
        parameters.addStaging(name, schedules.#bound.forward[i].staging.get(parameter) ?? [])
        parameters.addStaging(name, schedules.#bound.backward[i].staging.get(parameter) ?? [])
      }
    }
    parameters.recordStaging(schedules.stage)
    parameters.recordUpdate(schedules.#update, parts.classifier.tables)
    return schedules
  }

  /** Starts compiling for the current weights, forward programs first; whoever runs them waits and sees a failure. */
  compile(): void {
    const { programs } = this.#parts
    const bound = {} as { forward: BoundProgram[]; backward: BoundProgram[] }
    const passes = {} as Passes
    let streams: View[]
    const forward = programs.bind('forward', this.#weights).then((bindings) => {
      bound.forward = bindings
      this.#bound = bound
      passes.embedded = this.#record((schedule) => this.#recordEmbedded(schedule))
      passes.forward = this.#record((schedule) => {
        this.#parts.classifier.recordEmbedding(schedule, this.#parts.input)
        streams = this.#recordEmbedded(schedule)
      })
      passes.loss = this.#record((schedule) => this.#parts.classifier.recordLoss(schedule))
      this.#passes = passes
    })
    const backward = forward.then(async () => {
      bound.backward = await programs.bind('backward', this.#weights)
      const { gradients } = this.#parts.parameters
      for (const [pass, overwrites] of [
        ['first_backward', true],
        ['backward', false],
      ] as const) {
        passes[pass] = this.#record((schedule) =>
          gradients.recordPass(overwrites, (written) => this.#recordBackward(schedule, written, streams)),
        )
      }
    })
    for (const each of [forward, backward]) each.catch(() => {})
    this.#ready = { forward, backward }
  }

  /** Resolves when the programs of the current weights can run. @throws {AneError} if one did not compile */
  compiled(): Promise<void> {
    return this.#ready.backward
  }

  /** Resolves when no program is being compiled, whether or not all compiled. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#ready.forward, this.#ready.backward])
  }

  /** What one forward and backward pass runs, in order. */
  get entries(): Schedule['entries'] {
    return [...this.#passes.forward.entries, ...this.#passes.backward.entries]
  }

  /** Runs passes one after the other, each as soon as its programs are compiled. */
  async run(passes: readonly Pass[]): Promise<StepTimes> {
    const times = noTimes()
    for (const pass of passes) {
      const asked = performance.now()
      await this.#ready[pass === 'forward' || pass === 'loss' ? 'forward' : 'backward']
      times.compile += performance.now() - asked
      addTimes(times, this.#passes[pass], await this.#passes[pass].execute())
    }
    times.total += times.compile
    return times
  }

  /** Updates every weight. */
  async update(): Promise<UpdateTimes> {
    const { total: update } = await this.#update.execute()
    return { update, alongside: 0 }
  }

  /**
   * Updates every weight and runs the forward pass, whose programs have to be compiled, as far as can be at once: the
   * tables of tokens are updated last, as only the rows of the pass's tokens are needed before.
   *
   * @returns with the times the error that ended the forward pass, if one did
   */
  async updateAndForward(): Promise<{ times: UpdateTimes; failure?: Error }> {
    const { embedded } = this.#passes
    const { parameters, classifier, input } = this.#parts
    this.#updateAhead ??= this.#record((schedule) => {
      classifier.recordUpdatedEmbedding(schedule, input)
      parameters.recordUpdate(schedule, classifier.tables)
    })
    const { total: update, alongside, next } = await this.#updateAhead.executeThen(embedded)
    if (next instanceof Error) return { times: { update, alongside }, failure: next }
    return { times: { update, alongside, forward: addTimes(noTimes(), embedded, next) } }
  }

  /** Logits of the forward pass before, `[S, N]` in memory of their own. */
  async logits(): Promise<Float32Array> {
    const { classifier } = this.#parts
    const [rows, cols] = [classifier.tokens.length, classifier.rows]
    const logits = new Float32Array(rows * cols)
    await this.#record((schedule) => classifier.recordLogits(schedule, view(logits, { rows, cols }))).execute()
    return logits
  }

  #record(write: (schedule: Schedule) => void): Schedule {
    const schedule = this.#parts.device.createSchedule()
    write(schedule)
    return schedule
  }

  /** Returns the input of every segment and, last, the output of the last. */
  #recordEmbedded(schedule: Schedule): View[] {
    const { programs, parameters, classifier, input } = this.#parts
    const streams = [input]
    for (const [i, block] of programs.blocks.entries()) {
      streams.push(recordForward(schedule, block, this.#bound.forward[i], parameters, streams.at(-1)!))
    }
    classifier.recordNorm(schedule, streams.at(-1)!)
    return streams
  }

  #recordBackward(schedule: Schedule, gradients: GradientPass, streams: readonly View[]): void {
    const { programs, parameters, classifier, outputGradient } = this.#parts
    let gradient = outputGradient
    classifier.recordBackward(schedule, gradients, streams.at(-1)!, gradient)
    const { blocks } = programs
    const { forward, backward } = this.#bound
    for (let i = blocks.length - 1; i >= 0; i--) {
      const bound = { forward: forward[i], backward: backward[i] }
      gradient = recordBackward(schedule, blocks[i], bound, parameters, gradients, streams[i], gradient)
    }
    classifier.recordEmbeddingBackward(schedule, gradients, gradient)
  }
}

type MutableTimes = { -readonly [part in keyof StepTimes]: number }

const noTimes = (): MutableTimes => ({
  device_forward: 0,
  device_backward: 0,
  host: 0,
  staging: 0,
  compile: 0,
  total: 0,
})

/** Adds the times of an execution, entries by group. */
function addTimes(times: MutableTimes, schedule: Schedule, { total, entries }: ScheduleTimes): StepTimes {
  for (let i = 0; i < entries.length; i++) times[schedule.entries[i].group as keyof StepTimes] += entries[i]
  times.total += total
  return times
}
