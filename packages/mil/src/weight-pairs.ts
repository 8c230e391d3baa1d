/**
 * Weight gradients as pairs of values: the device computes x and dy, the host multiplies them.
 *
 * A weight is followed through reshapes and transposes to the operations that use it.
 */

import { type ColumnForm, channelsFrom, channelsUpTo, shapeOf } from './column-form.js'
import type { Literal, Operation, Value } from './ir.js'
import { constantNumbers } from './literals.js'
import { axisRun, contiguousView, isViewOperation, type StridedView, viewThrough } from './strided-view.js'
import { elementCount } from './tensor.js'

/** The gradient of one use of a weight. */
export interface WeightPair {
  /** Name of the weight input. */
  readonly weight: string
  /**
   * `matmul`: weight `[1, out, 1, in]`, dW[o, i] = Σ_s dy[o, s] · x[i, s].
   * `scale`: weight with D elements, dw[d] = Σ_{c ≡ d mod D} Σ_s dy[c, s] · x[c, s].
   */
  readonly kind: 'matmul' | 'scale'
  /** Input or output of one of the two programs; `[1, C, 1, S]`. */
  readonly x: { readonly from: 'forward' | 'backward'; readonly name: string }
  readonly dy: { readonly from: 'forward' | 'backward'; readonly name: string }
}

/** What a use of a weight asks for: the other operand, and the forms it and the result's gradient take. */
export interface PairPlan {
  readonly kind: 'matmul' | 'scale'
  readonly x: Value
  readonly xForm: ColumnForm
  readonly dyForm: ColumnForm
}

/** Reports a weight used in a way that has no pair. */
export class WeightUseError extends Error {
  override readonly name = 'WeightUseError'
}

/** Weights and their rearrangements. */
export class WeightViews {
  readonly #views = new Map<Value, { weight: Value; view: StridedView }>()
  readonly #constants: ReadonlyMap<Value, Literal>

  constructor(weights: Iterable<Value>, constants: ReadonlyMap<Value, Literal>) {
    for (const weight of weights) this.#views.set(weight, { weight, view: contiguousView(shapeOf(weight)) })
    this.#constants = constants
  }

  /** The weight behind a value, undefined if the value is no rearranged weight. */
  weightOf(value: Value): Value | undefined {
    return this.#views.get(value)?.weight
  }

  /** Follows weights through `operation`; true if its result is a rearranged weight. @throws {WeightUseError} */
  follow(operation: Operation): boolean {
    const { x } = operation.operands
    const known = x?.kind === 'value' ? this.#views.get(x.value) : undefined
    if (!known || !isViewOperation(operation)) return false
    const view = viewThrough(known.view, operation, this.#constants)
    if (!view) throw unpairable(known.weight, operation)
    this.#views.set(operation.results[0], { weight: known.weight, view })
    return true
  }

  /**
   * Tells how the left matrix of a matmul relates to its weight: false for the weight itself, true for its transpose,
   * undefined for any other arrangement.
   */
  leftMatrix(operation: Operation): boolean | undefined {
    const known = this.#views.get((operation.operands.x as { value: Value }).value)
    const rank = known?.view.length ?? 0
    if (!known || rank < 2 || known.view.slice(0, -2).some((axis) => axis.length > 0)) return undefined
    const [rows, columns] = this.#flag(operation, 'transpose_x') ? [rank - 1, rank - 2] : [rank - 2, rank - 1]
    if (isMatrix(known.view, rows, columns, known.weight)) return false
    return isMatrix(known.view, columns, rows, known.weight) ? true : undefined
  }

  /** Plans the pair of the weight `used` as operand `name`. @throws {WeightUseError} if the use has none */
  plan(operation: Operation, name: string, used: Value): PairPlan {
    const { weight, view } = this.#views.get(used)!
    const plan = this.#planners[operation.op]?.(operation, name, view, weight)
    if (!plan) throw unpairable(weight, operation)
    return plan
  }

  readonly #planners: Record<
    string,
    (operation: Operation, name: string, view: StridedView, weight: Value) => PairPlan | undefined
  > = {
    matmul: (operation, name, view, weight) => {
      const isLeft = name === 'x'
      const x = this.#other(operation, isLeft ? 'y' : 'x')
      const rank = view.length
      if (!x || rank < 2 || view.slice(0, -2).some((axis) => axis.length > 0)) return undefined
      const swapped = this.#flag(operation, isLeft ? 'transpose_x' : 'transpose_y') !== !isLeft
      const [out, inner] = swapped ? [rank - 1, rank - 2] : [rank - 2, rank - 1]
      if (!isMatrix(view, out, inner, weight)) return undefined
      const features = isLeft === this.#flag(operation, isLeft ? 'transpose_y' : 'transpose_x') ? -1 : -2
      const results = shapeOf(operation.results[0])
      return {
        kind: 'matmul',
        x,
        xForm: channelsFrom(shapeOf(x), features),
        dyForm: channelsFrom(results, isLeft ? -2 : -1),
      }
    },
    linear: (operation, name, view, weight) => {
      const x = this.#other(operation, 'x')
      if (!x || name !== 'weight' || !isMatrix(view, 0, 1, weight)) return undefined
      const dyForm = channelsFrom(shapeOf(operation.results[0]), -1)
      return { kind: 'matmul', x, xForm: channelsFrom(shapeOf(x), -1), dyForm }
    },
    conv: (operation, name, view, weight) => {
      const x = this.#other(operation, 'x')
      if (!x || name !== 'weight' || view.slice(2).some((axis) => axis.length > 0)) return undefined
      const plain = (operand: string, value: number) =>
        constantNumbers(operation.operands[operand], this.#constants)?.every((number) => number === value) ?? true
      if (!isMatrix(view, 0, 1, weight) || !plain('strides', 1) || !plain('groups', 1) || !plain('pad', 0)) {
        return undefined
      }
      const dyForm = channelsFrom(shapeOf(operation.results[0]), 1)
      return { kind: 'matmul', x, xForm: channelsFrom(shapeOf(x), 1), dyForm }
    },
    mul: (operation, name, view, weight) => {
      const x = this.#other(operation, name === 'x' ? 'y' : 'x')
      const shape = shapeOf(operation.results[0])
      if (!x || String(shapeOf(x)) !== String(shape)) return undefined
      const varying = view.flatMap((axis, i) => (axis.length > 0 ? [i] : []))
      const [axis = view.length - 1] = varying
      const run = axisRun(view, axis)
      if (varying.length > 1 || !run || run.size !== elementCount(shapeOf(weight)) || run.stride > 1) return undefined
      const place = axis + shape.length - view.length
      const last = shape.slice(place + 1).every((dim) => dim === 1)
      const form = last ? channelsFrom(shape, place) : channelsUpTo(shape, place)
      return { kind: 'scale', x, xForm: form, dyForm: form }
    },
  }

  /** The operand a weight is combined with, unless it is a weight or absent. */
  #other(operation: Operation, name: string): Value | undefined {
    const operand = operation.operands[name]
    return operand?.kind === 'value' && !this.#views.has(operand.value) ? operand.value : undefined
  }

  #flag(operation: Operation, name: string): boolean {
    return constantNumbers(operation.operands[name], this.#constants)?.[0] === 1
  }
}

/** Tells whether two axes of a view are the rows and columns of the weight `[1, out, 1, in]`. */
function isMatrix(view: StridedView, out: number, inner: number, weight: Value): boolean {
  const shape = shapeOf(weight)
  const matrix = shape.length === 2 ? shape : shape.filter((dim, axis) => dim !== 1 || axis === 1 || axis === 3)
  const [rows, columns] = matrix.length === 2 ? matrix : [0, 0]
  const rowRun = axisRun(view, out)
  const columnRun = axisRun(view, inner)
  const rowsFit = rowRun?.size === rows && (rows === 1 || rowRun.stride === columns)
  return rowsFit && columnRun?.size === columns && (columns === 1 || columnRun.stride === 1)
}

function unpairable(weight: Value, operation: Operation): WeightUseError {
  const use = `${operation.op} ${operation.results[0].name}`
  return new WeightUseError(
    `Expected ${weight.name} as the matrix of a matmul, linear or 1×1 conv or the gain of a mul, got ${use}.`,
  )
}
