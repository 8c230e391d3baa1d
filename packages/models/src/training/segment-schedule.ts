import { type Schedule, transposed, type View } from '@ane/runtime'
import type { BoundProgram } from '../binding.js'
import type { GradientPass } from './gradients.js'
import type { Parameters } from './parameters.js'
import type { SegmentBlock } from './segment-programs.js'

/** Records a segment's forward run on `x` [C, S]; returns its output. */
export function recordForward(
  schedule: Schedule,
  { segment, host }: SegmentBlock,
  forward: BoundProgram,
  parameters: Parameters,
  x: View,
): View {
  host?.recordNorm(schedule, parameters, x)
  const activations = { x, ...host?.activations }
  forward.record(schedule, activations, { label: `${segment.label} forward`, group: 'device_forward' })
  const y = forward.outputs.get('y')!
  return host?.recordResidual(schedule, x, y) ?? y
}

/** Records a segment's backward run and its weight gradients; returns the gradient of its input `x`. */
export function recordBackward(
  schedule: Schedule,
  { segment, pairs, host }: SegmentBlock,
  { forward, backward }: { readonly forward: BoundProgram; readonly backward: BoundProgram },
  parameters: Parameters,
  gradients: GradientPass,
  x: View,
  dy: View,
): View {
  const known: Record<string, View> = { ...Object.fromEntries(forward.outputs), x, ...host?.activations, d_y: dy }
  backward.record(schedule, known, { label: `${segment.label} backward`, group: 'device_backward' })
  const find = ({ from, name }: { from: string; name: string }): View =>
    (from === 'backward' ? backward.outputs.get(name) : undefined) ?? known[name]
  for (const pair of pairs) {
    const { name } = segment.weights.find(({ parameter }) => parameter === pair.weight)!
    const [input, dout] = [find(pair.x), find(pair.dy)]
    const { gradient, accumulate } = gradients.whole(name)
    const options = { label: `${name} gradient`, group: 'host' }
    if (pair.kind === 'matmul') {
      const squares = gradients.squares(name)
      const operands = { a: dout, b: transposed(input), out: gradient, ...(squares && { squares }), accumulate }
      schedule.kernel('gemm', operands, options)
    } else {
      schedule.kernel('scale_gradient', { in: input, dout, dweight: gradient, accumulate }, options)
      gradients.recordSquares(schedule, name)
    }
  }
  return host?.recordBackward(schedule, parameters, gradients, x, dy, backward.outputs) ?? backward.outputs.get('d_x')!
}
