/**
 * What roundings do to a program: it is evaluated again in binary64 with every result moved by as much as its type, or
 * an engine's arithmetic, may round it. How far such evaluations lie from the reference is how far an engine may.
 */
import {
  type BlobFiles,
  elementCount,
  evaluate,
  type Function as Func,
  functionOf,
  isFloat,
  type Operand,
  type Operation,
  type Program,
  type Tensor,
  type TensorType,
  type Value,
} from '@ane/mil'
import type { MathMode } from '../../src/index.js'
import type { Random } from './source.js'

/** Operations whose factors `fast` rounds to bf16. */
export const products: readonly string[] = ['matmul', 'linear', 'einsum', 'conv', 'scaled_dot_product_attention']

/** Operations whose results jump where an operand crosses a number; nothing rounded may come near them. */
const jumps: readonly string[] = ['floor', 'ceil', 'round', 'sign', 'floor_div', 'mod', 'thresholded_relu', 'quantize']

/** Operations that only move or choose numbers, or drop their signs: every device gives the same bits in any mode. */
const moves: readonly string[] = [
  ...['identity', 'abs', 'relu', 'relu6', 'clip', 'threshold', 'maximum', 'minimum', 'select'],
  ...['reduce_max', 'reduce_min', 'max_pool', 'reshape', 'transpose', 'expand_dims', 'squeeze', 'flatten2d'],
  ...['reverse', 'tile', 'slice_by_size', 'slice_by_index', 'slice_update', 'pad', 'concat', 'stack', 'split'],
  ...['gather', 'gather_along_axis', 'gather_nd', 'topk', 'band_part', 'fill_like', 'one_hot'],
]

/** Operations of one rounding each, which no order of additions or series can move: `exact` gives the bits of the reference. */
const roundedOnce: readonly string[] = ['add', 'sub', 'mul', 'real_div', 'sqrt', 'square', 'leaky_relu']

/** How surely a value is known: moved only, rounded alike by all, or as well as its operations are. */
export type Certainty = 'moved' | 'rounded' | 'near'

/** Certainty of the results of an operation on values of these certainties. */
export function certaintyOf(op: string, operands: readonly Certainty[]): Certainty {
  if (operands.includes('near')) return 'near'
  if (moves.includes(op)) return operands.includes('rounded') ? 'rounded' : 'moved'
  if (jumps.includes(op)) return 'rounded'
  return roundedOnce.includes(op) ? 'rounded' : 'near'
}

/** Whether small changes of operands may change a result by much: by its operation, or because it is no fraction. */
export function isJump(op: string, operands: readonly TensorType[], results: readonly TensorType[]): boolean {
  const fractions = operands.some(({ dtype }) => isFloat(dtype))
  return jumps.includes(op) || (fractions && results.some(({ dtype }) => !isFloat(dtype)))
}

const roundoff = (dtype: string) => (dtype === 'fp16' ? 2 ** -11 : 2 ** -24)
/** fp32 sums of a few thousand terms, and functions of a few units in the last place. */
const ARITHMETIC = 2 ** -21
/** Twice what bf16 is off by: an operation may hold a product of products. */
const BF16 = 2 ** -7
const SMALLEST = 2 ** -25
/** What rounds to infinity. */
const LIMITS = { fp16: 65520, fp32: 2 ** 128 - 2 ** 103 }

/** Outputs of one evaluation with every operand and result moved by a random part of its rounding error. */
export function evaluateRoughly(
  program: Program,
  inputs: ReadonlyMap<string, Tensor>,
  blobs: BlobFiles,
  math: MathMode,
  random: Random,
): Map<string, Float64Array> {
  const func = functionOf(program)
  const constants = new Map<Value, Operation>()
  const tensors = new Map<Value, Tensor>()
  for (const value of func.inputs) tensors.set(value, unrounded(inputs.get(value.name)!))
  const moved = (tensor: Tensor, relative: number, absolute: number): Tensor => {
    if (!isFloat(tensor.dtype)) return tensor
    const data = Float64Array.from(tensor.data as Float64Array, (x) => {
      const [r, a] = [2 * random.fraction() - 1, 2 * random.fraction() - 1]
      const y = x === 0 || !Number.isFinite(x) ? x : x + x * r * relative + a * absolute
      return Math.abs(y) < LIMITS[tensor.dtype as 'fp16'] ? y : y * Infinity
    })
    return { ...tensor, data }
  }
  for (const operation of func.operations) {
    if (operation.op === 'const') {
      constants.set(operation.results[0], operation)
      continue
    }
    const operands = [...new Set(valuesOf(operation))]
    if (products.includes(operation.op)) {
      for (const value of operands.filter((value) => isFactor(value) && constants.has(value) && !tensors.has(value))) {
        const alone: Func = { ...func, inputs: [], operations: [constants.get(value)!], outputs: [value] }
        tensors.set(value, unrounded(evaluate({ ...program, functions: [alone] }, {}, { blobs })[value.name]))
      }
    }
    const given = operands.filter((value) => tensors.has(value))
    const types = (values: readonly Value[]) => values.map(({ type }) => type as TensorType)
    const still = moves.includes(operation.op) || isJump(operation.op, types(given), types(operation.results))
    const rough = math === 'fast' && products.includes(operation.op) ? BF16 : ARITHMETIC
    const one: Func = {
      ...func,
      inputs: given,
      operations: [...operands.flatMap((value) => (tensors.has(value) ? [] : constants.get(value)!)), operation],
      outputs: operation.results,
    }
    const around = new Map(
      given.map((value) => [value.name, still ? tensors.get(value)! : moved(tensors.get(value)!, rough, 0)]),
    )
    const results = evaluate({ ...program, functions: [one] }, around, { blobs, round: false })
    for (const value of operation.results) {
      const result = unrounded(results[value.name])
      const dtype = (value.type as TensorType).dtype
      tensors.set(value, still ? result : moved(result, roundoff(dtype), dtype === 'fp16' ? SMALLEST : 0))
    }
  }
  return new Map(func.outputs.map((value) => [value.name, Float64Array.from(tensors.get(value)!.data as Float64Array)]))
}

/** Whether a value may be a factor of a product. */
const isFactor = ({ type }: Value) => type.kind === 'tensor' && isFloat(type.dtype)

/** The same numbers as binary64 where they are fractions. */
function unrounded(tensor: Tensor): Tensor {
  return isFloat(tensor.dtype) ? { ...tensor, data: Float64Array.from(tensor.data as Float64Array) } : tensor
}

/** Values an operation reads. */
export function valuesOf({ operands }: Operation): Value[] {
  const read = (operand: Operand): Value[] =>
    operand.kind === 'value' ? [operand.value] : operand.kind === 'list' ? operand.items.flatMap(read) : []
  return Object.values(operands).flatMap(read)
}

/** Whether all of these are the same number, infinity or NaN. */
const agree = (x: number, others: readonly number[]) => others.every((other) => Object.is(x, other))

/**
 * By how much the worst element of `got` lies outside what roundings do, as a multiple of what is allowed; at most 1 is
 * good. An element may be off by four times the largest of its own deviations, plus the largest of the whole tensor, plus
 * one unit in its last place. Infinities and NaN are exact, but where roundings decide whether there is one.
 */
export function worstDeviation(
  got: ArrayLike<number>,
  want: Tensor,
  rough: readonly Float64Array[],
): { ratio: number; index: number } {
  const expected = want.data as Float32Array
  if (got.length !== elementCount(want.shape)) return { ratio: Number.POSITIVE_INFINITY, index: -1 }
  const own = new Float64Array(expected.length)
  let largest = 0
  for (let i = 0; i < own.length; i++) {
    own[i] = Math.max(...rough.map((other) => Math.abs(other[i] - expected[i])))
    if (Number.isFinite(own[i])) largest = Math.max(largest, own[i])
  }
  const [unit, least] = want.dtype === 'fp16' ? [2 ** -10, 2 ** -24] : [2 ** -22, 2 ** -149]
  let worst = { ratio: 0, index: -1 }
  for (let i = 0; i < own.length; i++) {
    if (Object.is(got[i], expected[i])) continue
    const limit = agree(
      expected[i],
      rough.map((other) => other[i]),
    )
    if (!Number.isFinite(own[i]) && !limit) continue
    const error = Math.abs(got[i] - expected[i])
    const ratio = error / (4 * own[i] + largest + unit * Math.abs(expected[i]) + least)
    if (!(ratio <= worst.ratio)) worst = { ratio: Number.isNaN(ratio) ? Infinity : ratio, index: i }
  }
  return worst
}
