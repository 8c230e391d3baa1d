/** Bringing values to the surface layout `[1, C, 1, S]`, preferably by finding one that has it already. */

import type { Literal, Operation, TensorType, Value } from './ir.js'
import type { Builder } from './ops/row.js'
import { OpError } from './ops/row.js'
import {
  contiguousView,
  isContiguous,
  isViewOperation,
  reshapedView,
  type StridedView,
  transposedView,
  viewThrough,
} from './strided-view.js'

/** How a value becomes `[1, C, 1, S]`: a transposition of its axes, then a reshape. */
export interface ColumnForm {
  readonly perm: readonly number[]
  readonly shape: readonly [1, number, 1, number]
}

/** The graph a value is looked up in. */
export interface Origin {
  producer(value: Value): Operation | undefined
  readonly constants: ReadonlyMap<Value, Literal>
}

/** Known shape of a value. @throws {OpError} if a dimension is unknown */
export function shapeOf(value: Value): number[] {
  const { shape } = value.type as TensorType
  if (shape.includes(null)) throw new OpError(`Expected known dimensions for ${value.name}, got [${shape}].`)
  return shape as number[]
}

/** The form in which `axis` becomes the channels and the other axes, in order, the columns. */
export function channelsFrom(shape: readonly number[], axis: number): ColumnForm {
  const feature = axis < 0 ? axis + shape.length : axis
  const others = shape.map((_, i) => i).filter((i) => i !== feature)
  const columns = others.reduce((total, i) => total * shape[i], 1)
  return { perm: [feature, ...others], shape: [1, shape[feature], 1, columns] }
}

/** The form in which the axes up to `axis` together become the channels. */
export function channelsUpTo(shape: readonly number[], axis: number): ColumnForm {
  const channels = shape.slice(0, axis + 1).reduce((total, dim) => total * dim, 1)
  const columns = shape.slice(axis + 1).reduce((total, dim) => total * dim, 1)
  return { perm: shape.map((_, i) => i), shape: [1, channels, 1, columns] }
}

/** Values the given one only rearranges, itself first, that have the form already. */
export function valuesInForm(value: Value, form: ColumnForm, origin: Origin): Value[] {
  const found: Value[] = []
  const steps: Operation[] = []
  for (let source = value; ; ) {
    const shape = shapeOf(source)
    if (shape.length === 4 && shape.every((dim, i) => dim === form.shape[i])) {
      let view: StridedView | undefined = contiguousView(shape)
      for (const step of steps) view &&= viewThrough(view, step, origin.constants)
      const arranged = view && reshapedView(transposedView(view, form.perm), form.shape)
      if (arranged && isContiguous(arranged)) found.push(source)
    }
    const producer = origin.producer(source)
    if (!producer || !isViewOperation(producer) || producer.operands.x?.kind !== 'value') return found
    steps.unshift(producer)
    source = producer.operands.x.value
  }
}

/** Builds the form of a value. */
export function inForm(b: Builder, value: Value, form: ColumnForm): Value {
  const shape = shapeOf(value)
  const moved = reshapedView(transposedView(contiguousView(shape), form.perm), form.shape)
  const x = moved && isContiguous(moved) ? value : b.op('transpose', { x: value, perm: form.perm })
  return b.op('reshape', { x, shape: form.shape })
}
