/** Cross-entropy of a classifier and its gradients, from features. `C` channels, `S` columns, `V` classes. */
import { expectSize, flag, floats, input, output, type ReferenceKernel } from './kernel.js'
import { squaresOf } from './optimizer.js'

/**
 * With logits [S, V] = inᵀ · tableᵀ: loss [1, 2] = (Σ over targets ≥ 0 of −log softmax(logits[s])[targets[s]], number of
 * targets ≥ 0). Given `din` and `dtable`, din [C, S] = and dtable [V, C] = (or += with `accumulate`) the gradients of
 * scale / count times the loss. The logits of columns without a target have gradient 0; a target that is no class makes
 * the loss and its column's gradients NaN. `squares` [1, V] receives the sums of squares of dtable's rows.
 *
 * `logits` [N · S, B] is memory a device may work in: N ≥ 1 blocks of B classes, contents undefined afterwards.
 */
export const classifierLoss: ReferenceKernel = {
  operands: {
    in: input(...floats),
    table: input(...floats),
    targets: input('int32'),
    loss: output('fp64'),
    scale: input('fp64'),
    logits: output('fp32'),
    din: { ...output('fp32'), optional: true },
    dtable: { ...output('fp32'), optional: true },
    squares: { ...output('fp64'), optional: true },
    accumulate: flag,
  },
  check({ views }) {
    const { rows: C, cols: S } = views.in
    expectSize(views, 'table', views.table.rows, C)
    expectSize(views, 'targets', 1, S)
    expectSize(views, 'loss', 1, 2)
    expectSize(views, 'scale', 1, 1)
    if ((views.din === undefined) !== (views.dtable === undefined)) {
      throw new TypeError('Expected both or neither of din and dtable, got one.')
    }
    if (views.din) expectSize(views, 'din', C, S)
    if (views.dtable) expectSize(views, 'dtable', views.table.rows, C)
    if (views.squares && !views.dtable) throw new TypeError('Expected squares with dtable only, got squares alone.')
    if (views.squares) expectSize(views, 'squares', 1, views.table.rows)
    const { rows, cols, colStride } = views.logits
    if (rows < S || cols < 1) throw new RangeError(`Expected at least ${S} x 1 for logits, got ${rows} x ${cols}.`)
    if (cols > 1 && colStride !== 1) {
      throw new RangeError(`Expected contiguous rows for logits, got a column stride of ${colStride}.`)
    }
  },
  run({ matrices: { in: x, table, targets, loss, scale, din, dtable, squares }, numbers: { accumulate } }) {
    const { rows: C, cols: S } = x
    const V = table.rows
    const all = Array.from({ length: S }, (_, s) => targets.get(0, s))
    const count = all.filter((target) => target >= 0).length
    const factor = scale.get(0, 0) / count
    const dt = new Float64Array(V * C)
    let sum = 0
    for (const [s, target] of all.entries()) {
      const column = Float64Array.from({ length: C }, (_, c) => x.get(c, s))
      const dlogits = new Float64Array(V)
      if (target >= 0) {
        for (let v = 0; v < V; v++) for (let c = 0; c < C; c++) dlogits[v] += column[c] * table.get(v, c)
        sum += differentiate(dlogits, target, factor)
      }
      if (!din) continue
      for (let c = 0; c < C; c++) {
        let dx = 0
        for (let v = 0; v < V; v++) {
          dx += dlogits[v] * table.get(v, c)
          dt[v * C + c] += dlogits[v] * column[c]
        }
        din.set(c, s, dx)
      }
    }
    for (let v = 0; dtable && v < V; v++) {
      for (let c = 0; c < C; c++) dtable.set(v, c, (accumulate ? dtable.get(v, c) : 0) + dt[v * C + c])
      squares?.set(0, v, squaresOf(dtable, v))
    }
    loss.set(0, 0, sum)
    loss.set(0, 1, count)
  },
}

/** Turns logits into (softmax − onehot) · factor and returns −log softmax at the target. */
function differentiate(logits: Float64Array, target: number, factor: number): number {
  const V = logits.length
  const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0)
  const loss = target < V ? Math.log(total) + largest - logits[target] : Number.NaN
  for (let v = 0; v < V; v++) {
    const gradient = (Math.exp(logits[v] - largest) / total - (v === target ? 1 : 0)) * factor
    logits[v] = target < V ? gradient : Number.NaN
  }
  return loss
}
