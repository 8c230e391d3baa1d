/** Which operators a chip compiles, runs and gets right: one row of the cross-chip matrix each. */
import { type Builder, checkLimits, evaluate, type Tensor, type Value } from '@ane/mil'
import type { AneDevice, Bindings } from '@ane/runtime'
import { type ProbeContext, withDevice } from './context.js'
import type { Cell, Probe } from './probe.js'
import { type ProbeProgram, SMALL, spelled } from './programs.js'

type Operands = Parameters<Builder['op']>[1]

interface OperatorCase {
  readonly name: string
  write(b: Builder): void
}

const shape = [...SMALL]
const input = (b: Builder, of: readonly number[] = shape) => b.input('a', 'fp16', of)

/** Numbers of at least 0, without an operation that is a question itself. */
function squared(b: Builder): Value {
  const x = input(b)
  return b.mul({ x, y: x })
}

const unary = (op: string, operands: Operands = {}, name = op): OperatorCase => ({
  name,
  write: (b) => b.output(b.ops(op, { x: input(b), ...operands })[0], 'z'),
})

const binary = (op: string): OperatorCase => ({
  name: op,
  write: (b) => b.output(b.op(op, { x: input(b), y: 1.5 }), 'z'),
})

const attention = (masked: boolean): OperatorCase => ({
  name: masked ? 'scaled_dot_product_attention with a mask' : 'scaled_dot_product_attention',
  write: (b) => {
    const x = input(b, [1, 8, 64, 64])
    const mask = Float32Array.from({ length: 4096 }, (_, i) => (i % 64 <= Math.floor(i / 64) ? 0 : -65504))
    const operands: Operands = { query: x, key: x, value: x }
    if (masked) operands.attn_mask = b.constant('fp16', [1, 1, 64, 64], mask, 'mask')
    b.output(b.op('scaled_dot_product_attention', operands), 'z')
  },
})

function convolution(b: Builder, bias: boolean): Value {
  const weight = b.constant(
    'fp16',
    [256, 256, 1, 1],
    Float32Array.from({ length: 65536 }, (_, i) => ((i % 5) - 2) / 64),
  )
  const operands = { x: input(b), weight }
  return b.conv(bias ? { ...operands, bias: b.constant('fp16', [256], new Float32Array(256).fill(0.5)) } : operands)
}

/** `tile` comes last: on some chips nothing runs after it. */
const cases: readonly OperatorCase[] = [
  ...['relu', 'sigmoid', 'tanh', 'silu', 'softplus', 'exp', 'abs', 'square', 'sign', 'sin', 'cos', 'erf'].map((op) =>
    unary(op),
  ),
  unary('gelu', { mode: 'EXACT' }, 'gelu exact'),
  unary('gelu', { mode: 'TANH_APPROXIMATION' }, 'gelu tanh'),
  { name: 'sqrt', write: (b) => b.output(b.sqrt({ x: squared(b) }), 'z') },
  {
    name: 'rsqrt',
    write: (b) => b.output(b.rsqrt({ x: b.add({ x: squared(b), y: 1 }), epsilon: 1e-5 }), 'z'),
  },
  {
    name: 'pow',
    write: (b) => b.output(b.pow({ x: b.add({ x: squared(b), y: 1 }), y: -0.5 }), 'z'),
  },
  ...['add', 'sub', 'mul', 'real_div', 'maximum', 'minimum'].map(binary),
  unary('softmax', { axis: -1 }),
  unary('reduce_sum', { axes: [1], keep_dims: true }),
  unary('reduce_mean', { axes: [1], keep_dims: true }),
  unary('reduce_max', { axes: [1], keep_dims: true }),
  unary('layer_norm', { axes: [1] }),
  unary('l2_norm'),
  unary('cumsum', { axis: 3, exclusive: false, reverse: false }),
  unary('reshape', { shape: [1, 16, 16, 128] }),
  unary('transpose', { perm: [0, 3, 2, 1] }),
  unary('slice_by_size', { begin: [0, 0, 0, 0], size: [1, 128, 1, 128] }),
  { name: 'identity', write: (b) => b.output(b.identity({ x: input(b) }), 'z') },
  {
    name: 'concat',
    write: (b) => {
      const x = input(b)
      b.output(b.concat({ values: [x, b.sigmoid({ x })], axis: 1, interleave: false }), 'z')
    },
  },
  {
    name: 'matmul',
    write: (b) => {
      const x = input(b, [1, 4, 128, 128])
      b.output(b.matmul({ x, y: x, transpose_x: false, transpose_y: true }), 'z')
    },
  },
  { name: 'conv', write: (b) => b.output(convolution(b, false), 'z') },
  { name: 'conv with bias', write: (b) => b.output(convolution(b, true), 'z') },
  attention(false),
  attention(true),
  {
    name: 'gather',
    write: (b) =>
      b.output(b.gather({ x: input(b), indices: b.constant('int32', [64], [...Array(64).keys()]), axis: 1 }), 'z'),
  },
  { name: 'stack', write: (b) => b.output(b.op('stack', { values: [input(b)], axis: 0 }), 'z') },
  unary('tile', { reps: [1, 2, 1, 1] }),
]

/** The matrix row of a chip. */
export const ops: Probe = {
  name: 'ops',
  question: 'Which operators compile, run and give the right numbers?',
  run: (context) =>
    withDevice(context, async (device) => {
      const rows: Cell[][] = []
      const summary: Record<string, Cell> = {}
      for (const { name, write } of cases) {
        const { result, error, detail, predicted } = await tryOperator(context, device, name, write)
        rows.push([name, result, error, predicted, detail])
        summary[name] = result
      }
      const count = (word: string) => Object.values(summary).filter((result) => result === word).length
      return {
        columns: ['operator', 'result', 'largest error', 'limits', 'detail'],
        rows,
        samples: [],
        summary,
        conclusion: `${count('right')} right, ${count('wrong')} wrong, ${count('refused')} refused, ${count('failed')} failed in a run, ${count('no program')} without a program in this spelling.`,
      }
    }),
}

interface OperatorResult {
  readonly result: 'right' | 'wrong' | 'refused' | 'failed' | 'no program'
  /** Largest absolute difference to the reference; null without numbers. */
  readonly error: number | null
  readonly detail: string | null
  /** Limits the validator expects to matter, by id. */
  readonly predicted: string
}

/** Errors below this share of the largest value are rounding. */
const TOLERANCE = 2 ** -7

async function tryOperator(
  context: ProbeContext,
  device: AneDevice,
  name: string,
  write: (b: Builder) => void,
): Promise<OperatorResult> {
  let made: ProbeProgram
  try {
    made = spelled(context, name, write)
  } catch (cause) {
    return { result: 'no program', error: null, detail: firstLine(cause), predicted: '' }
  }
  const predicted = [
    ...new Set(
      checkLimits(made.program, context)
        .filter(({ severity }) => severity !== 'info')
        .map(({ rule }) => rule),
    ),
  ].join(' ')
  try {
    const executable = await device.compile(made.text, { name, blobs: made.blobs })
    try {
      return { ...compare(made, device, executable), predicted }
    } catch (cause) {
      return { result: 'failed', error: null, detail: firstLine(cause), predicted }
    } finally {
      executable.dispose()
    }
  } catch (cause) {
    return { result: 'refused', error: null, detail: firstLine(cause), predicted }
  }
}

function compare(
  { program, blobs }: ProbeProgram,
  device: AneDevice,
  executable: Awaited<ReturnType<AneDevice['compile']>>,
): Omit<OperatorResult, 'predicted'> {
  const inputs: Bindings = Object.fromEntries(
    executable.inputs.map(({ name, shape, dtype }) => {
      const surface = device.createSurface(shape, dtype, name)
      surface.write(Float32Array.from({ length: elements(shape) }, (_, i) => (((i * 37) % 101) - 50) / 32))
      return [name, surface]
    }),
  )
  const outputs: Bindings = Object.fromEntries(
    executable.outputs.map(({ name, shape, dtype }) => [name, device.createSurface(shape, dtype, name)]),
  )
  try {
    executable.runSync(inputs, outputs)
    const tensors: Record<string, Tensor> = Object.fromEntries(
      Object.entries(inputs).map(([name, surface]) => [
        name,
        { dtype: surface.dtype, shape: [...surface.shape], data: surface.toFloat32() } as Tensor,
      ]),
    )
    const expected = evaluate(program, tensors, { blobs })
    let [error, scale] = [0, 0]
    for (const [name, surface] of Object.entries(outputs)) {
      const [got, want] = [surface.toFloat32(), expected[name].data as Float32Array]
      for (let i = 0; i < got.length; i++) {
        // Equal infinities differ by NaN, and so does a wrong NaN, which must count.
        const difference = got[i] === want[i] ? 0 : Math.abs(got[i] - want[i])
        error = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(error, difference)
        if (Number.isFinite(want[i])) scale = Math.max(scale, Math.abs(want[i]))
      }
    }
    const right = error <= TOLERANCE * Math.max(scale, 1)
    const shown = Number.isFinite(error) ? Number(error.toPrecision(3)) : null
    return { result: right ? 'right' : 'wrong', error: shown, detail: null }
  } finally {
    for (const surface of [...Object.values(inputs), ...Object.values(outputs)]) surface.dispose()
  }
}

const elements = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, 1)
const firstLine = (cause: unknown) => (cause as Error).message.split('\n')[0]
