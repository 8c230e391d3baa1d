/**
 * Operands drawn at random from the specifications of the operation table.
 *
 * What a compile-time number means is read from its name, as the table's names are MIL's: `axis` is an axis wherever it
 * stands, or from those of the operation and the operand where it means something else there. Draws that do not fit together are refused by the shape rule of the operation and drawn again.
 */
import { type Dtype, decodeFp16, elementCount, encodeFp16, isFloat, opRow, type Tensor, type Value } from '@ane/mil'
import type { Random } from './source.js'

/** A tensor that becomes an input, or a constant of the program. */
export interface Fresh {
  readonly tensor: Tensor
  readonly constant: boolean
}

/** An operand: a value there is, a tensor of its own, or numbers and text. */
export type Drawn = Value | Fresh | number | boolean | string | readonly number[] | readonly boolean[]

/** What a draw depends on. */
export interface Surroundings {
  readonly random: Random
  /** Shape of the first operand. */
  readonly shape: readonly number[]
  readonly op: string
}

/** Sizes around the widths of vectors and tiles. */
export const sizes = [1, 1, 2, 3, 7, 17, 33] as const

const someAxis = ({ random, shape }: Surroundings) => random.integer(-shape.length, shape.length)
const someAxes = ({ random, shape }: Surroundings) =>
  random.shuffled(shape.map((_, axis) => axis)).slice(0, random.integer(1, shape.length + 1))
const perAxis = (draw: (random: Random, dim: number) => number) => (around: Surroundings) =>
  around.shape.map((dim) => draw(around.random, dim))
const perSpatialAxis = (least: number, below: number) => (around: Surroundings) =>
  around.shape.slice(2).map(() => around.random.integer(least, below))
const oneOf =
  <T>(...items: readonly T[]) =>
  ({ random }: Surroundings) =>
    random.of(items)
const flags = ({ random, shape }: Surroundings) => shape.map(() => random.chance(0.2))

/** A shape of as many elements, or one with a size to be worked out. */
function anotherShape({ random, shape }: Surroundings): number[] {
  const factors = shape.flatMap((size) => (size % 2 === 0 && size > 2 ? [2, size / 2] : [size]))
  const merged: number[] = []
  for (const factor of random.shuffled(factors)) {
    if (merged.length > 0 && random.chance(0.4)) merged[merged.length - 1] *= factor
    else merged.push(factor)
  }
  if (random.chance(0.3)) merged[random.integer(0, merged.length)] = -1
  return merged
}

/** Two sizes per padded axis: of the last axes for `pad`, of every spatial one for windows. */
function padding({ random, shape, op }: Surroundings): number[] {
  const axes = op === 'pad' ? random.integer(1, shape.length + 1) : shape.length - 2
  return Array.from({ length: 2 * Math.max(0, axes) }, () => random.integer(0, 3))
}

function equation({ random, shape }: Surroundings): string {
  const known = ['bchq,bkhc->bkhq', 'mk,kn->mn', 'bmk,bkn->bmn', 'bmk,bnk->bnm', 'nchw,nwhu->nchu']
  return random.of(known.filter((text) => text.indexOf(',') === shape.length).concat('a,a->a'))
}

const byName: Readonly<Record<string, (around: Surroundings) => Exclude<Drawn, Value | Fresh>>> = {
  axis: someAxis,
  axes: someAxes,
  perm: ({ random, shape }) => random.shuffled(shape.map((_, axis) => axis)),
  begin: perAxis((random, dim) => random.integer(0, dim)),
  end: perAxis((random, dim) => random.integer(1, dim + 1)),
  size: perAxis((random, dim) => (random.chance(0.5) ? -1 : random.integer(1, dim + 1))),
  // Updates are as large as x or 1 along an axis.
  'slice_update.begin': perAxis(() => 0),
  'slice_update.end': perAxis((random, dim) => random.of([1, dim])),
  stride: perAxis((random) => random.of([1, 1, 1, 2, -1])),
  begin_mask: flags,
  end_mask: flags,
  squeeze_mask: flags,
  shape: anotherShape,
  reps: perAxis((random) => random.integer(1, 3)),
  pad: padding,
  kernel_sizes: perSpatialAxis(1, 4),
  strides: perSpatialAxis(1, 3),
  dilations: perSpatialAxis(1, 3),
  groups: oneOf(1, 1, 2, 3),
  pad_type: oneOf('valid', 'same', 'custom', 'same_lower'),
  split_sizes: ({ random, shape }) => {
    const whole = random.of(shape)
    const first = random.integer(1, Math.max(2, whole))
    return [first, whole - first]
  },
  num_splits: oneOf(1, 2, 3, 7),
  batch_dims: oneOf(0, 0, 1),
  one_hot_vector_size: oneOf(1, 3, 7),
  k: oneOf(1, 2, 3),
  lower: oneOf(-1, 0, 1, 5),
  upper: oneOf(-1, 0, 1, 5),
  epsilon: oneOf(1e-5, 1e-3, 0.25),
  equation,
  'gelu.mode': oneOf('EXACT', 'TANH_APPROXIMATION', 'SIGMOID_APPROXIMATION'),
  'pad.mode': oneOf('constant', 'reflect', 'replicate'),
  mode: oneOf('add', 'sub', 'update', 'mul', 'min', 'max'),
  dtype: oneOf('fp16', 'fp32', 'int32', 'bool'),
  output_dtype: oneOf('int32', 'uint16'),
  'quantize.output_dtype': oneOf('int8', 'uint8'),
  'constexpr_cast.output_dtype': oneOf('fp16', 'fp32'),
  'range_1d.start': oneOf(-2, 0, 1),
  'range_1d.end': oneOf(3, 7.5, 17),
  'range_1d.step': oneOf(1, 0.5, 2),
  output_indices_dtype: oneOf('int32', 'uint16'),
  direction: oneOf('forward', 'reverse'),
  recurrent_activation: oneOf('sigmoid', 'tanh'),
  cell_activation: oneOf('tanh', 'sigmoid'),
  activation: oneOf('tanh', 'sigmoid'),
  constant_val: oneOf(0, 1, -0.5),
}

/** Parameters of which a logarithm, a root or a quotient is taken. */
const positive = ['variance', 'scale', 'epsilon']

/** Numbers of a type: quarters or any, with a sign or without; `below` bounds integers, which may be indices. */
export function randomTensor(random: Random, dtype: Dtype, shape: readonly number[], below: number): Tensor {
  const count = elementCount(shape)
  const [quarters, signed, scale] = [random.chance(0.3), random.chance(0.7), random.of([0.25, 1, 1, 2])]
  const number = () => {
    if (dtype === 'bool') return random.integer(0, 2)
    if (!isFloat(dtype)) return random.integer(0, below)
    const x = (quarters ? random.integer(1, 9) / 4 : 0.05 + random.fraction()) * scale
    return signed && random.chance(0.5) ? -x : x
  }
  const numbers = Array.from({ length: count }, number)
  if (dtype === 'fp16') return { dtype, shape, data: decodeFp16(encodeFp16(Float32Array.from(numbers))) }
  if (dtype === 'fp32') return { dtype, shape, data: Float32Array.from(numbers) }
  const arrays = { int8: Int8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array } as const
  return { dtype, shape, data: (arrays[dtype as keyof typeof arrays] ?? Uint8Array).from(numbers) }
}

/** The numbers with some replaced by zeros of either sign, subnormal numbers, infinities, NaN, and numbers whose squares are large in fp32. */
export function withExtremes(random: Random, tensor: Tensor): Tensor {
  if (!isFloat(tensor.dtype)) return tensor
  const [least, small, most] = tensor.dtype === 'fp16' ? [2 ** -24, 2 ** -14, 65504] : [2 ** -149, 2 ** -126, 2 ** 60]
  const extremes = [0, -0, least, -least, 3 * least, small, most, -most, Infinity, -Infinity, NaN]
  const data = (tensor.data as Float32Array).map((x) => (random.chance(0.2) ? random.of(extremes) : x))
  return { ...tensor, data }
}

/** Shapes that stand beside `shape` somewhere: equal, broadcasting, parts of it, factors of products and windows. */
function shapeBeside({ random, shape }: Surroundings): number[] {
  const matrix = [...shape.slice(0, -2), shape.at(-1) ?? 1, random.of(sizes)]
  return random.of([
    () => [...shape],
    () => [...shape],
    () => shape.map((dim) => (random.chance(0.5) ? 1 : dim)),
    () => shape.slice(random.integer(0, shape.length)),
    () => [],
    () => [random.of(shape.length > 0 ? shape : [1])],
    () => matrix,
    () => matrix.slice(-2),
    () => [...matrix.slice(0, -2), matrix.at(-1)!, matrix.at(-2)!],
    () => [...matrix.slice(0, -2).map((dim) => (random.chance(0.5) ? 1 : dim)), ...matrix.slice(-2)],
    () => [random.of(sizes), shape.at(-1) ?? 1],
    () => [random.of([1, 2, 3, 7]), shape[1] ?? 1, ...shape.slice(2).map(() => random.integer(1, 4))],
    () => [...shape.slice(0, -2), random.of(sizes), shape.at(-1) ?? 1],
    () => [random.of(sizes)],
  ])()
}

/**
 * Draws the operands of one operation around its first.
 *
 * @param values what the program has so far; the first operand is the last of them
 */
export function drawOperands(
  random: Random,
  op: string,
  values: readonly Value[],
  typeOf: (value: Value) => { dtype: Dtype; shape: readonly number[] },
): Record<string, Drawn | Drawn[]> {
  const row = opRow(op)!
  const first = typeOf(values[values.length - 1])
  const around: Surroundings = { random, shape: first.shape, op }
  const letters: Partial<Record<string, Dtype>> = {}
  const drawn: Record<string, Drawn | Drawn[]> = {}
  for (const [index, spec] of row.operands.entries()) {
    if (spec.optional && random.chance(0.4)) continue
    const counts = spec.constant || !('T' === spec.types || 'U' === spec.types)
    const named = byName[`${op}.${spec.name}`] ?? (counts ? byName[spec.name] : undefined)
    if (named) {
      drawn[spec.name] = named(around)
      continue
    }
    const allowed = typeof spec.types === 'string' ? (row.types?.[spec.types] ?? []) : spec.types
    if (allowed.length === 1 && allowed[0] === 'bool' && spec.constant) {
      drawn[spec.name] = random.chance(0.5)
      continue
    }
    const letter = typeof spec.types === 'string' ? spec.types : undefined
    const shared = letter && letters[letter]
    const dtypeFor = () => shared ?? (allowed.includes(first.dtype) ? first.dtype : random.of(allowed))
    const one = (): Drawn => {
      const dtype = dtypeFor()
      if (letter) letters[letter] = dtype
      const sameType = values.filter((value) => typeOf(value).dtype === dtype)
      if (!spec.constant && index === 0 && first.dtype === dtype) return values[values.length - 1]
      const alike = sameType.filter((value) => String(typeOf(value).shape) === String(first.shape))
      if (!spec.constant && alike.length > 0 && random.chance(0.5)) return random.of(alike)
      if (!spec.constant && sameType.length > 0 && random.chance(0.2)) return random.of(sameType)
      const parameter = spec.constant && random.chance(0.6) ? random.of([[], [first.shape[1] ?? 1]]) : undefined
      const shape = index === 0 ? [...first.shape] : (parameter ?? shapeBeside(around))
      const below = Math.max(1, Math.min(...first.shape, 8))
      const tensor = randomTensor(random, dtype, shape, below)
      const data = tensor.data as Float32Array
      if (positive.includes(spec.name)) for (let i = 0; i < data.length; i++) data[i] = Math.abs(data[i])
      return { tensor, constant: spec.constant ?? random.chance(0.3) }
    }
    drawn[spec.name] = spec.variadic ? Array.from({ length: random.integer(1, 4) }, one) : one()
  }
  return drawn
}
