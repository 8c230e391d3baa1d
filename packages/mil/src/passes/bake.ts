/** Weights as constants: inputs become weight files, products with a matrix become 1×1 convolutions. */

import { type Builder, createBuilder } from '../builder.js'
import { channelsFrom, inForm, shapeOf, valuesInForm } from '../column-form.js'
import type { Dtype, Function as Func, Operation, Program, TensorType, Value } from '../ir.js'
import { constantNumbers, constantsOf, functionOf } from '../literals.js'
import { elementCount } from '../tensor.js'
import { producersOf, valuesByName } from '../value-graph.js'
import { WeightUseError, WeightViews } from '../weight-pairs.js'
import { eliminateDeadCode } from './dead-code.js'
import { simplifyViews } from './view-simplification.js'

/** How weights are baked. */
export interface BakeOptions {
  /** Element type of the constants: that of the inputs they replace. */
  dtype: Dtype
}

/**
 * Replaces weight inputs by constants in weight files of their own, `@model_path/weights/<name>.bin`.
 *
 * A product of a weight `[1, out, 1, in]`, or its transpose, with `[1, 1, in, S]` becomes a convolution with a kernel
 * `[out, in, 1, 1]`, which the Neural Engine runs faster.
 *
 * @returns the program, and the weight files by the path it names
 * @throws {RangeError} if a weight is no input, or has another number of elements
 * @throws {TypeError} if `dtype` differs from the input's
 */
export function bake(
  program: Program,
  weights: Readonly<Record<string, Float32Array>>,
  options: BakeOptions,
): { program: Program; blobs: Map<string, Uint8Array> } {
  const func = functionOf(program)
  const inputs = new Map(func.inputs.map((value) => [value.name, value]))
  const baked = new Map<Value, Float32Array>()
  for (const [name, data] of Object.entries(weights)) {
    const input = inputs.get(name)
    if (!input) throw new RangeError(`Expected an input of ${func.name} for weights, got ${name}.`)
    const { dtype } = input.type as TensorType
    if (dtype !== options.dtype)
      throw new TypeError(`Expected ${dtype} (the type of ${name}) for dtype, got ${options.dtype}.`)
    const count = elementCount(shapeOf(input))
    if (data.length !== count) throw new RangeError(`Expected ${count} elements for ${name}, got ${data.length}.`)
    baked.set(input, data)
  }
  const b = createBuilder({ opset: func.opset, name: func.name })
  b.reserve(valuesByName(func).keys())
  for (const input of func.inputs) if (!baked.has(input)) b.function.inputs.push(input)
  for (const [input, data] of baked) {
    const { dtype, shape } = input.type as TensorType
    b.constantAs(input, data, { dtype, shape: shape as number[] })
  }
  appendOperations(b, func, baked)
  const written: Func = { ...func, ...b.function, outputs: func.outputs }
  const simplified = eliminateDeadCode(simplifyViews({ ...program, functions: [written] }))
  return { program: simplified, blobs: usedFiles(simplified, b.blobs) }
}

function appendOperations(b: Builder, func: Func, baked: ReadonlyMap<Value, Float32Array>): void {
  const constants = constantsOf(func)
  const views = new WeightViews(baked.keys(), constants)
  const producers = producersOf(func)
  const origin = { producer: (value: Value) => producers.get(value), constants }
  const kernels = new Map<string, Value>()
  for (const operation of func.operations) {
    const product = followed(views, operation) ? undefined : matrixProduct(operation, views)
    const [result] = operation.results
    if (!product || constantNumbers(operation.operands.transpose_y, constants)?.[0] === 1) {
      b.append(operation)
      continue
    }
    const { weight, x, transposed } = product
    const data = baked.get(weight)!
    const kernel = kernelOf(b, kernels, weight, data, transposed)
    const form = channelsFrom(shapeOf(x), -2)
    const columns = valuesInForm(x, form, origin)[0] ?? inForm(b, x, form)
    const conv = b.conv(
      {
        x: columns,
        weight: kernel,
        strides: [1, 1],
        pad_type: 'valid',
        pad: [0, 0, 0, 0],
        dilations: [1, 1],
        groups: 1,
      },
      `${result.name}_conv`,
    )
    const shape = b.constant('int32', [shapeOf(result).length], shapeOf(result))
    const operands = { x: { kind: 'value', value: conv }, shape: { kind: 'value', value: shape } } as const
    b.append({ op: 'reshape', operands, attributes: operation.attributes, results: [result], blocks: [] })
  }
}

function followed(views: WeightViews, operation: Operation): boolean {
  try {
    return views.follow(operation)
  } catch (error) {
    // A rearrangement that is no matrix stays a rearrangement of the constant.
    if (error instanceof WeightUseError) return false
    throw error
  }
}

/** A product weight · x with the weight, or its transpose, as the left matrix and one batch. */
function matrixProduct(
  operation: Operation,
  views: WeightViews,
): { weight: Value; x: Value; transposed: boolean } | undefined {
  const { x: left, y: right } = operation.operands
  if (operation.op !== 'matmul' || left?.kind !== 'value' || right?.kind !== 'value') return undefined
  const weight = views.weightOf(left.value)
  if (
    !weight ||
    shapeOf(operation.results[0])
      .slice(0, -2)
      .some((dim) => dim !== 1)
  )
    return undefined
  const transposed = views.leftMatrix(operation)
  return transposed === undefined ? undefined : { weight, x: right.value, transposed }
}

function kernelOf(
  b: Builder,
  kernels: Map<string, Value>,
  weight: Value,
  data: Float32Array,
  transposed: boolean,
): Value {
  const key = `${weight.name}_${transposed ? 'transposed' : 'kernel'}`
  const known = kernels.get(key)
  if (known) return known
  // A weight of the program may have the name already, and with it the file.
  const name = b.freeName(key)
  const { dtype } = weight.type as TensorType
  const [, out, , inner] = shapeOf(weight)
  const [rows, columns] = transposed ? [inner, out] : [out, inner]
  const values = transposed ? Float32Array.from(data, (_, i) => data[(i % out) * inner + Math.floor(i / out)]) : data
  const kernel = b.constant(dtype, [rows, columns, 1, 1], values, { name, path: `@model_path/weights/${name}.bin` })
  kernels.set(key, kernel)
  return kernel
}

/** The files constants of the program refer to, so that none is written for a weight only used as a kernel. */
function usedFiles(program: Program, files: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  const used = new Set<string>()
  for (const func of program.functions) {
    for (const { value } of constantsOf(func).values()) if (value.kind === 'blob') used.add(value.path)
  }
  return new Map([...files].filter(([path]) => used.has(path)))
}
