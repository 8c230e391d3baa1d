/** Reshapes and transposes as index arithmetic: a tensor seen as strides into an earlier one. */

import type { Literal, Operation, TensorType, Value } from './ir.js'
import { constantNumbers } from './literals.js'
import { elementCount } from './tensor.js'

/** A run of `size` elements, `stride` apart. */
interface Run {
  readonly size: number
  readonly stride: number
}

/** Per axis the runs, slowest first, that make up its index; axes of size 1 have none. */
export type StridedView = readonly (readonly Run[])[]

/** The view of a row-major tensor itself. */
export function contiguousView(shape: readonly number[]): StridedView {
  let stride = elementCount(shape)
  return shape.map((size) => {
    stride /= size
    return size === 1 ? [] : [{ size, stride }]
  })
}

/** Permutes axes. */
export function transposedView(view: StridedView, perm: readonly number[]): StridedView {
  return perm.map((axis) => view[axis < 0 ? axis + view.length : axis])
}

/** Regroups the elements in row-major order; undefined where an axis would need a stride that changes midway. */
export function reshapedView(view: StridedView, shape: readonly number[]): StridedView | undefined {
  const runs = merged(view.flat())
  const axes: Run[][] = []
  for (const dim of shape.toReversed()) {
    const axis: Run[] = []
    let missing = dim
    while (missing > 1) {
      const run = runs.pop()
      if (!run) return undefined
      if (missing % run.size === 0) {
        axis.unshift(run)
        missing /= run.size
      } else if (run.size % missing === 0) {
        axis.unshift({ size: missing, stride: run.stride })
        runs.push({ size: run.size / missing, stride: run.stride * missing })
        missing = 1
      } else return undefined
    }
    axes.unshift(merged(axis))
  }
  return axes
}

/** Tells whether the view reads its tensor front to back, whatever the shapes. */
export function isContiguous(view: StridedView): boolean {
  const runs = merged(view.flat())
  return runs.length === 0 || (runs.length === 1 && runs[0].stride === 1)
}

/** Size and stride of an axis that is one run; size 1 has stride 0. Undefined for anything else. */
export function axisRun(view: StridedView, axis: number): Run | undefined {
  const runs = merged(view[axis])
  return runs.length === 0 ? { size: 1, stride: 0 } : runs.length === 1 ? runs[0] : undefined
}

/** Applies one `reshape`, `transpose`, `expand_dims` or `squeeze`; undefined for other operations. */
export function viewThrough(
  view: StridedView,
  operation: Operation,
  constants: ReadonlyMap<Value, Literal>,
): StridedView | undefined {
  if (!isViewOperation(operation)) return undefined
  if (operation.op !== 'transpose') {
    const { shape } = operation.results[0].type as TensorType
    return shape.includes(null) ? undefined : reshapedView(view, shape as number[])
  }
  const perm = constantNumbers(operation.operands.perm, constants)
  return perm && transposedView(view, perm)
}

/** Tells whether an operation only arranges the elements of its operand `x` anew. */
export function isViewOperation({ op }: Operation): boolean {
  return op === 'reshape' || op === 'transpose' || op === 'expand_dims' || op === 'squeeze'
}

function merged(runs: readonly Run[]): Run[] {
  const result: Run[] = []
  for (const run of runs) {
    const last = result.at(-1)
    if (last && last.stride === run.stride * run.size) {
      result[result.length - 1] = { size: last.size * run.size, stride: run.stride }
    } else result.push(run)
  }
  return result
}
