/** Sliding windows of convolution and pooling: padding, strides, dilations and the positions they lead to. */

import type { Dim } from '../ir.js'
import { type Call, OpError } from './row.js'

/** The window along one spatial axis. */
export interface Window {
  readonly size: number
  readonly stride: number
  readonly dilation: number
  readonly before: number
  readonly after: number
}

const PAD_TYPES = ['valid', 'custom', 'same', 'same_lower']

function listOf(call: Call, name: string, count: number, fallback: number): readonly number[] {
  const numbers = (call.has(name) ? call.numbers(name) : undefined) ?? new Array<number>(count).fill(fallback)
  if (numbers.length !== count) throw new OpError(`Expected ${count} numbers for ${name}, got ${numbers.length}.`)
  return numbers
}

/** Reads the windows of a call for kernels of `sizes` over the spatial dimensions `dims`. */
export function windowsOf(call: Call, dims: readonly Dim[], sizes: readonly number[]): Window[] {
  const count = dims.length
  const strides = listOf(call, 'strides', count, 1)
  const dilations = listOf(call, 'dilations', count, 1)
  const padType = call.text('pad_type')
  if (!PAD_TYPES.includes(padType)) throw new OpError(`Expected ${PAD_TYPES.join(', ')} for pad_type, got ${padType}.`)
  const pad = padType === 'custom' ? listOf(call, 'pad', 2 * count, 0) : []
  return dims.map((dim, axis) => {
    const [size, stride, dilation] = [sizes[axis], strides[axis], dilations[axis]]
    if (stride < 1 || dilation < 1)
      throw new OpError(`Expected positive strides and dilations, got ${stride} and ${dilation}.`)
    if (padType === 'valid') return { size, stride, dilation, before: 0, after: 0 }
    if (padType === 'custom') return { size, stride, dilation, before: pad[2 * axis], after: pad[2 * axis + 1] }
    if (dim === null) throw new OpError(`Expected known dimensions for pad_type ${padType}, got ?.`)
    const total = Math.max(0, stride * Math.ceil(dim / stride) - dim + (size - 1) * dilation + 1 - stride)
    const less = Math.floor(total / 2)
    const before = padType === 'same' ? less : total - less
    return { size, stride, dilation, before, after: total - before }
  })
}

/** Number of positions of a window along a dimension. @throws {OpError} if it does not fit once */
export function positions(dim: Dim, window: Window, ceil = false): Dim {
  if (dim === null) return null
  const { size, stride, dilation, before, after } = window
  const room = dim + before + after - (size - 1) * dilation - 1
  if (room < 0)
    throw new OpError(
      `Expected a window of at most ${dim + before + after} elements, got ${(size - 1) * dilation + 1}.`,
    )
  if (!ceil) return Math.floor(room / stride) + 1
  const count = Math.floor((room + stride - 1) / stride) + 1
  return (count - 1) * stride >= dim + before ? count - 1 : count
}

/** First and one past the last position at which kernel element `tap` falls on one of `dim` input elements. */
export function covered(tap: number, dim: number, count: number, window: Window): [number, number] {
  const start = tap * window.dilation - window.before
  const first = Math.max(0, Math.ceil(-start / window.stride))
  const last = Math.min(count, Math.floor((dim - 1 - start) / window.stride) + 1)
  return [first, Math.max(first, last)]
}
