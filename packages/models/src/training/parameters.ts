import { type Device, type Schedule, type View, view } from '@ane/runtime'
import { partOf, type StagingTarget } from '../binding.js'
import type { ModelConfig } from '../config.js'
import type { ModelDtype } from '../graph.js'
import { checkWeights, matrixView, type Weights, weightShapes } from '../weights.js'
import { Gradients } from './gradients.js'
import { zeros } from './zeros.js'

/** Numbers of one AdamW update. */
export interface AdamwHyperparameters {
  readonly learningRate: number
  readonly beta1: number
  readonly beta2: number
  readonly eps: number
  /** Decoupled decay; applied to matrices, never to norms. */
  readonly weightDecay: number
  /** Number of this update, from 1, for the bias corrections. */
  readonly step: number
  /** Factor on the gradients: clipping / (loss scale · accumulation steps). */
  readonly gradScale: number
}

/** Master weights with gradients, moments and the staged copies the device reads; all fp32 and dense but the copies. */
export class Parameters {
  readonly values: Weights = new Map()
  readonly gradients: Gradients
  /** Running means of the gradients. */
  readonly firstMoments: Weights
  /** Running means of the squared gradients. */
  readonly secondMoments: Weights
  readonly #shapes: ReadonlyMap<string, readonly number[]>
  readonly #targets = new Map<string, StagingTarget[]>()
  readonly #hyper = new Float64Array(8)

  /** Takes over the arrays of `weights`: training changes them in place. @throws {RangeError} if they do not fit `config` */
  constructor(config: ModelConfig, weights: ReadonlyMap<string, Float32Array>) {
    checkWeights(config, weights)
    this.#shapes = weightShapes(config)
    this.gradients = new Gradients(this.#shapes)
    for (const name of this.#shapes.keys()) this.values.set(name, weights.get(name)!)
    const sizes = new Map([...this.values].map(([name, { length }]) => [name, length]))
    this.firstMoments = zeros(Float32Array, sizes)
    this.secondMoments = zeros(Float32Array, sizes)
  }

  /** The numbers of `of` in the shape of the weight: `[out, in]`, norms `[1, size]`. */
  viewOf(of: ReadonlyMap<string, Float32Array>, name: string): View {
    return matrixView(of.get(name)!, this.#shapes.get(name)!)
  }

  /** The table host kernels read: the master in fp32, a staged copy rounded to fp16 otherwise. */
  hostTable(device: Device, name: string, dtype: ModelDtype): View {
    const master = this.viewOf(this.values, name)
    if (dtype === 'fp32') return master
    const surface = device.createSurface([1, master.rows, 1, master.cols], dtype, name)
    const staged = view(surface, { rows: master.rows, cols: master.cols })
    this.addStaging(name, [{ row: 0, column: 0, view: staged }])
    return staged
  }

  /** Adds copies to be refreshed whenever the weight changes; copies already known are not added again. */
  addStaging(name: string, targets: readonly StagingTarget[]): void {
    const known = this.#targets.get(name) ?? []
    const same = (a: View, b: View) => a.of === b.of && a.offset === b.offset
    this.#targets.set(name, [...known, ...targets.filter((target) => !known.some((k) => same(k.view, target.view)))])
  }

  /** Records copying every master to its staged copies. */
  recordStaging(schedule: Schedule): void {
    for (const [name, targets] of this.#targets) this.#copy(schedule, name, targets)
  }

  /** Records one update of every weight, `last` at the end; partial gradients are zero afterwards and staged copies fresh. */
  recordUpdate(schedule: Schedule, last: ReadonlySet<string>): void {
    const others = [...this.#shapes.keys()].filter((name) => !last.has(name))
    for (const name of [...others, ...last]) {
      const param = this.viewOf(this.values, name)
      const targets = this.#targets.get(name) ?? []
      const fused = targets.find(({ view: { rows, cols } }) => rows === param.rows && cols === param.cols)
      schedule.kernel(
        'adamw',
        {
          param,
          grad: this.gradients.view(name),
          squares: this.gradients.squares(name),
          m: this.viewOf(this.firstMoments, name),
          v: this.viewOf(this.secondMoments, name),
          hyper: view(this.#hyper, { rows: 1, cols: 8 }),
          decay: this.#decays(name),
          zero_grad: this.gradients.isPartial(name) ? 1 : 0,
          ...(fused === undefined ? {} : { staged: fused.view }),
        },
        { label: `${name} update`, group: 'host' },
      )
      this.#copy(
        schedule,
        name,
        targets.filter((target) => target !== fused),
      )
    }
  }

  /** Records what the next update makes of the rows `ids` [1, N] of a matrix into `out` [N, in], changing no weight. */
  recordUpdatedRows(schedule: Schedule, name: string, ids: View, out: View): void {
    const rows = (of: View): View => {
      const copy = view(new Float32Array(ids.cols * of.cols), { rows: ids.cols, cols: of.cols })
      schedule.kernel('gather_rows', { ids, table: of, out: copy }, { label: `${name} rows`, group: 'host' })
      return copy
    }
    schedule.kernel(
      'adamw',
      {
        param: rows(this.viewOf(this.values, name)),
        grad: rows(this.gradients.view(name)),
        m: rows(this.viewOf(this.firstMoments, name)),
        v: rows(this.viewOf(this.secondMoments, name)),
        hyper: view(this.#hyper, { rows: 1, cols: 8 }),
        decay: this.#decays(name),
        zero_grad: 0,
        staged: out,
      },
      { label: `${name} update of rows`, group: 'host' },
    )
  }

  #decays(name: string): 0 | 1 {
    return this.#shapes.get(name)!.length === 2 ? 1 : 0
  }

  /** Records the L2 norm of all gradients together into `out` [1, 1] fp64. */
  recordGradientNorm(schedule: Schedule, out: Float64Array): void {
    const squares = [...this.#shapes.keys()].map((name) => this.gradients.squares(name))
    schedule.kernel(
      'grad_norm',
      { squares, out: view(out, { rows: 1, cols: 1 }) },
      { label: 'gradient norm', group: 'host' },
    )
  }

  /** Sets what the recorded update reads. @throws {RangeError} if a number would leave weights that are no numbers */
  setHyperparameters(hyper: AdamwHyperparameters): void {
    const { learningRate, beta1, beta2, eps, weightDecay, step, gradScale } = hyper
    for (const [name, value] of Object.entries({ learningRate, weightDecay, gradScale })) {
      if (!Number.isFinite(value)) throw new RangeError(`Expected a finite number for ${name}, got ${value}.`)
    }
    for (const [name, value] of Object.entries({ beta1, beta2 })) {
      if (!(value >= 0 && value < 1))
        throw new RangeError(`Expected a number from 0, below 1 for ${name}, got ${value}.`)
    }
    if (!(eps > 0)) throw new RangeError(`Expected a positive number for eps, got ${eps}.`)
    if (!Number.isInteger(step) || step < 1) throw new RangeError(`Expected a positive integer for step, got ${step}.`)
    this.#hyper.set([learningRate, beta1, beta2, eps, weightDecay, 1 - beta1 ** step, 1 - beta2 ** step, gradScale])
  }

  #copy(schedule: Schedule, name: string, targets: readonly StagingTarget[]): void {
    const master = this.viewOf(this.values, name)
    for (const { row, column, view: out } of targets) {
      schedule.kernel(
        'copy',
        { in: partOf(master, row, column, out), out },
        { label: `${name} staging`, group: 'staging' },
      )
    }
  }
}
