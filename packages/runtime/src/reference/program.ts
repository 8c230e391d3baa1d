/** What the reference device learns from a program before it runs: inputs, outputs, cost. */
import {
  constantNumbers,
  constantsOf,
  type Dim,
  type Literal,
  type Operand,
  type Program,
  type Type,
  tensorOf,
  type Value,
  verify,
} from '@ane/mil'
import { AneError } from '../ane-error.js'
import type { CompileOptions, IoDescription, SurfaceDtype } from '../device.js'
import { describeTensor, dtypeBytes, elementCount } from '../shapes.js'

/** A function of a program. */
export type MilFunction = Program['functions'][number]

/** @throws {AneError} with the first error of the function, if it has one */
export function checkFunction(program: Program, func: MilFunction, options: CompileOptions): void {
  const blobs = options.blobs ?? new Map<string, Uint8Array>()
  for (const diagnostic of verify(program, { blobs, lenientBlobs: options.lenientBlobs })) {
    if (diagnostic.severity !== 'error' || (diagnostic.function ?? func.name) !== func.name) continue
    const { message, line, column } = diagnostic
    const place = line === undefined ? '' : `line ${line}, column ${column}: `
    throw new AneError('ANE_COMPILE_FAILED', `${place}${message}`, { line, column })
  }
}

/** Input or output as surfaces see it. @throws {AneError} if no surface can hold it, a dimension is unknown or 0 */
export function describeIo(value: Value, shape: readonly Dim[] = declaredShape(value)): IoDescription {
  const dtype = tensorOf(value.type)?.dtype ?? value.type.kind
  if (!Object.hasOwn(dtypeBytes, dtype)) {
    throw new AneError('ANE_COMPILE_FAILED', `Expected a type a surface can hold for ${value.name}, got ${dtype}.`)
  }
  if (shape.includes(null)) {
    throw new AneError('ANE_COMPILE_FAILED', `Expected a shape for ${value.name} in inputShapes, got none.`)
  }
  if (shape.includes(0)) {
    const got = describeTensor(dtype, shape as number[])
    throw new AneError('ANE_COMPILE_FAILED', `Expected at least one element for ${value.name}, got ${got}.`)
  }
  return { name: value.name, dtype: dtype as SurfaceDtype, shape: Object.freeze([...(shape as number[])]) }
}

/** Shape of an input after `inputShapes`. @throws {AneError} if the given shape contradicts the declared one */
export function inputShape(value: Value, inputShapes: CompileOptions['inputShapes']): readonly Dim[] {
  const declared = declaredShape(value)
  const given = inputShapes && Object.hasOwn(inputShapes, value.name) ? inputShapes[value.name] : undefined
  if (!given) return declared
  if (given.length !== declared.length || declared.some((dim, i) => dim !== null && dim !== given[i])) {
    const spelled = declared.map((dim) => dim ?? '?').join(', ')
    throw new AneError(
      'ANE_COMPILE_FAILED',
      `Expected a shape that fits [${spelled}] for ${value.name}, got [${given.join(', ')}].`,
    )
  }
  return given
}

/** Whether an output has dimensions that only a run tells. */
export function hasUnknownShape(value: Value): boolean {
  return declaredShape(value).includes(null)
}

/** Floating-point operations of the matrix products and convolutions; those with unknown dimensions count as 0. */
export function countFlops(func: MilFunction): number {
  const constants = constantsOf(func)
  let flops = 0
  for (const { op, operands, results } of func.operations) {
    const x = operandShape(operands.x, constants)
    const outputs = results[0] && knownShape(results[0].type)
    if (!x || !outputs) continue
    const perOutput = productsPerOutput(op, x, operands, constants)
    flops += 2 * perOutput * elementCount(outputs)
  }
  return flops
}

function productsPerOutput(
  op: string,
  x: readonly number[],
  operands: Readonly<Record<string, Operand>>,
  constants: ReadonlyMap<Value, Literal>,
): number {
  if (op === 'matmul') return (constantNumbers(operands.transpose_x, constants)?.[0] ? x.at(-2) : x.at(-1)) ?? 1
  if (op === 'linear') return x.at(-1) ?? 1
  if (op === 'conv') return elementCount(operandShape(operands.weight, constants)?.slice(1) ?? [0])
  return 0
}

function operandShape(operand: Operand | undefined, constants: ReadonlyMap<Value, Literal>) {
  if (operand?.kind === 'value') return knownShape(constants.get(operand.value)?.type ?? operand.value.type)
  return operand?.kind === 'literal' ? knownShape(operand.literal.type) : undefined
}

function knownShape(type: Type): readonly number[] | undefined {
  return type.kind === 'tensor' && !type.shape.includes(null) ? (type.shape as readonly number[]) : undefined
}

function declaredShape(value: Value): readonly Dim[] {
  return tensorOf(value.type)?.shape ?? []
}
