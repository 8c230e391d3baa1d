/** Shape rules shared by families; an unknown dimension (`null`) stays unknown unless the other operand fixes it. */

import type { Dim, TensorType } from '../ir.js'
import { type Call, OpError } from './row.js'

/** Spells a shape for messages, unknown dimensions as `?`. */
export function spell(shape: readonly Dim[]): string {
  return `[${shape.map((dim) => dim ?? '?').join(', ')}]`
}

/** Turns an axis counted from the end into one counted from the start. @throws {OpError} if it is out of range */
export function axisOf(axis: number, rank: number, name = 'axis'): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new OpError(`Expected ${-rank} to ${rank - 1} for ${name}, got ${axis}.`)
  }
  return axis < 0 ? axis + rank : axis
}

/** Reads a constant list of axes, counted from the start. @throws {OpError} if one is out of range or repeated */
export function axesOf(call: Call, name: string, rank: number): number[] | undefined {
  const numbers = call.numbers(name)
  if (!numbers) {
    if (call.has(name)) throw new OpError(`Expected a constant for ${name}, got a value computed at run time.`)
    return undefined
  }
  const axes = numbers.map((axis) => axisOf(axis, rank, name))
  if (new Set(axes).size !== axes.length) throw new OpError(`Expected distinct axes for ${name}, got ${numbers}.`)
  return axes
}

/** Broadcasts two shapes aligned at their last axes. @throws {OpError} if two sizes differ and neither is 1 */
export function broadcast(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, axis) => {
    const left = axis < rank - a.length ? 1 : a[axis - rank + a.length]
    const right = axis < rank - b.length ? 1 : b[axis - rank + b.length]
    if (left === right || right === 1) return left
    if (left === 1) return right
    if (left === null || right === null) return left ?? right
    throw new OpError(`Expected shapes that broadcast, got ${spell(a)} and ${spell(b)}.`)
  })
}

/** Requires two dimensions to agree and returns the known one. @throws {OpError} if they differ */
export function sameDim(a: Dim, b: Dim, what: string): Dim {
  if (a !== null && b !== null && a !== b) throw new OpError(`Expected ${a} for ${what}, got ${b}.`)
  return a ?? b
}

/** Requires a rank. @throws {OpError} naming the operand */
export function needRank(type: TensorType, least: number, most: number, name: string): void {
  const rank = type.shape.length
  if (rank >= least && rank <= most) return
  const want =
    least === most ? `rank ${least}` : most === Infinity ? `rank ${least} or more` : `rank ${least} to ${most}`
  throw new OpError(`Expected ${want} for ${name}, got ${spell(type.shape)}.`)
}

/** Requires an operand, if it is given, to hold one number per channel. @throws {OpError} naming the operand */
export function needPerChannel(call: Call, name: string, channels: Dim): void {
  if (!call.has(name)) return
  const { shape } = call.type(name)
  if (shape.length !== 1 || (channels !== null && shape[0] !== null && shape[0] !== channels)) {
    throw new OpError(`Expected one number per channel, ${spell([channels])}, for ${name}, got ${spell(shape)}.`)
  }
}

/** Returns a shape without unknown dimensions. @throws {OpError} if one is unknown */
export function knownShape(type: TensorType, name: string): number[] {
  return type.shape.map((dim) => {
    if (dim === null) throw new OpError(`Expected known dimensions for ${name}, got ${spell(type.shape)}.`)
    return dim
  })
}

/** Product of dimensions, unknown if one is. */
export function product(dims: readonly Dim[]): Dim {
  let total = 1
  for (const dim of dims) {
    if (dim === null) return null
    total *= dim
  }
  return total
}
