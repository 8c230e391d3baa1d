/** Softmax cross-entropy and its gradient. `S` rows of logits, `V` classes. */
import { expectSize, flag, input, output, type ReferenceKernel } from './kernel.js'

/**
 * loss [1, 2] = (Σ over targets ≥ 0 of −log softmax(logits[s])[targets[s]], number of targets ≥ 0).
 *
 * With `backward` the logits become (softmax − onehot) · scale / count in place; rows without a target become 0. A
 * target that is no class gives a NaN loss and, with `backward`, NaN logits in its row.
 */
export const crossEntropy: ReferenceKernel = {
  operands: {
    logits: output('fp32'),
    targets: input('int32'),
    loss: output('fp64'),
    scale: input('fp64'),
    backward: flag,
  },
  check({ views }) {
    expectSize(views, 'targets', 1, views.logits.rows)
    expectSize(views, 'loss', 1, 2)
    expectSize(views, 'scale', 1, 1)
    if (views.logits.cols > 1 && views.logits.colStride !== 1) {
      throw new RangeError(`Expected contiguous rows for logits, got a column stride of ${views.logits.colStride}.`)
    }
  },
  run({ matrices: { logits, targets, loss, scale }, numbers: { backward } }) {
    const { rows: S, cols: V } = logits
    let count = 0
    for (let s = 0; s < S; s++) if (targets.get(0, s) >= 0) count++
    let sum = 0
    for (let s = 0; s < S; s++) {
      const target = targets.get(0, s)
      if (target < 0) {
        if (backward) for (let v = 0; v < V; v++) logits.set(s, v, 0)
        continue
      }
      let largest = Number.NEGATIVE_INFINITY
      for (let v = 0; v < V; v++) largest = Math.max(largest, logits.get(s, v))
      let total = 0
      for (let v = 0; v < V; v++) total += Math.exp(logits.get(s, v) - largest)
      sum += target < V ? Math.log(total) + largest - logits.get(s, target) : Number.NaN
      if (!backward) continue
      for (let v = 0; v < V; v++) {
        const probability = Math.exp(logits.get(s, v) - largest) / total
        const gradient = ((probability - (v === target ? 1 : 0)) * scale.get(0, 0)) / count
        logits.set(s, v, target < V ? gradient : Number.NaN)
      }
    }
    loss.set(0, 0, sum)
    loss.set(0, 1, count)
  },
}
