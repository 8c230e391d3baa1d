/** Host kernel calls of odd sizes, strides and element types, as data that any device can execute. */
import { decodeFp16, encodeFp16 } from '@ane/mil'
import { type Device, type KernelOperands, type View, view } from '../src/index.js'
import { numbers } from './tensors.js'

/** Makes operands in fresh memory; the same case gives the same numbers every time. */
export interface KernelCase {
  readonly title: string
  readonly kernel: string
  /** Largest relative error allowed between devices. */
  readonly tolerance: number
  operands(memory: Memory): KernelOperands
}

/** Layouts a matrix may have in memory. */
export type Layout = 'dense' | 'padded' | 'transposed' | 'spread'

/** Allocates views and remembers them, so that a test can read everything a kernel may have written. */
export class Memory {
  readonly views: View[] = []
  #seed = 1
  readonly #device: Device | undefined

  /** With a device, half-precision matrices live in its surfaces, otherwise in arrays. */
  constructor(device?: Device) {
    this.#device = device
  }

  /** A matrix of random numbers, or of the ones given. */
  matrix(dtype: 'fp16' | 'fp32' | 'fp64' | 'int32', rows: number, cols: number, options: MatrixOptions = {}): View {
    const { layout = 'dense', values = numbers(rows * cols, this.#seed++, options.scale) } = options
    const place = placements[layout](rows, cols)
    const size = place.offset + Math.max(0, rows - 1) * place.rowStride + Math.max(0, cols - 1) * place.colStride + 5
    const plain = new Float64Array(size).fill(0.5)
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) {
        plain[place.offset + r * place.rowStride + c * place.colStride] = values[r * cols + c]
      }
    }
    const made = view(this.#store(dtype, plain), { rows, cols, ...place })
    this.views.push(made)
    return made
  }

  /** Memory whose contents a kernel leaves undefined. */
  workspace(rows: number, cols: number): View {
    return view(new Float32Array(rows * cols), { rows, cols })
  }

  #store(dtype: 'fp16' | 'fp32' | 'fp64' | 'int32', plain: Float64Array): View['of'] {
    if (dtype === 'fp64') return plain
    if (dtype === 'int32') return Int32Array.from(plain)
    if (dtype === 'fp32') return Float32Array.from(plain)
    if (!this.#device) return encodeFp16(Float32Array.from(plain))
    const surface = this.#device.createSurface([1, 1, 1, plain.length], 'fp16')
    surface.write(plain)
    return surface
  }

  /** All memory behind all views, padding included. */
  contents(): Float64Array[] {
    return this.views.map(({ of }) => {
      if ('toFloat32' in of) return Float64Array.from(of.toFloat32())
      return Float64Array.from(of instanceof Uint16Array ? decodeFp16(of) : of)
    })
  }
}

interface MatrixOptions {
  layout?: Layout
  values?: ArrayLike<number>
  scale?: number
}

const placements: Record<Layout, (rows: number, cols: number) => Omit<View, 'of' | 'rows' | 'cols'>> = {
  dense: (_, cols) => ({ offset: 0, rowStride: cols, colStride: 1 }),
  padded: (_, cols) => ({ offset: 3, rowStride: cols + 5, colStride: 1 }),
  transposed: (rows) => ({ offset: 1, rowStride: 1, colStride: rows + 2 }),
  spread: (_, cols) => ({ offset: 2, rowStride: cols * 3 + 1, colStride: 3 }),
}

const layouts = Object.keys(placements) as Layout[]
const halves = ['fp16', 'fp32'] as const
const sizes = [
  [0, 0],
  [0, 3],
  [3, 0],
  [1, 1],
  [1, 7],
  [7, 1],
  [3, 5],
  [17, 33],
  [64, 130],
] as const

const shape = (rows: number, cols: number, dtype: string, layout: string) => `${rows} x ${cols} ${dtype} ${layout}`

/** Every combination of size, type and layout of the matrices a kernel takes. */
function each(
  kernel: string,
  tolerance: number,
  operands: (memory: Memory, rows: number, cols: number, dtype: 'fp16' | 'fp32', layout: Layout) => KernelOperands,
): KernelCase[] {
  return sizes.flatMap(([rows, cols]) =>
    halves.flatMap((dtype) =>
      layouts.map((layout) => ({
        title: `${kernel} ${shape(rows, cols, dtype, layout)}`,
        kernel,
        tolerance: dtype === 'fp16' ? Math.max(tolerance, 1e-3) : tolerance,
        operands: (memory: Memory) => operands(memory, rows, cols, dtype, layout),
      })),
    ),
  )
}

const ids = (count: number, limit: number) => Array.from({ length: count }, (_, i) => (i * 7 + 3) % limit)

/** The cases of every kernel of the table. */
export const kernelCases: readonly KernelCase[] = [
  ...each('fill', 0, (m, rows, cols, dtype, layout) => ({ out: m.matrix(dtype, rows, cols, { layout }), value: 0.1 })),
  ...each('copy', 0, (m, rows, cols, dtype, layout) => ({
    in: m.matrix('fp32', rows, cols, { layout: 'transposed' }),
    out: m.matrix(dtype, rows, cols, { layout }),
  })),
  ...each('add', 1e-6, (m, rows, cols, dtype, layout) => ({
    a: m.matrix(dtype, rows, cols, { layout }),
    b: m.matrix('fp16', rows, cols, { layout: 'spread' }),
    out: m.matrix(dtype, rows, cols, { layout: 'padded' }),
    scale: -0.7,
  })),
  ...each('embedding', 0, (m, rows, cols, dtype, layout) => ({
    tokens: m.matrix('int32', 1, cols, { values: ids(cols, 11) }),
    table: m.matrix(dtype, 11, rows, { layout }),
    out: m.matrix(dtype, rows, cols, { layout }),
  })),
  ...each('embedding_backward', 1e-6, (m, rows, cols, dtype, layout) => ({
    tokens: m.matrix('int32', 1, cols, { values: ids(cols, 4) }),
    dout: m.matrix(dtype, rows, cols, { layout }),
    dtable: m.matrix('fp32', 5, rows, { layout }),
  })),
  ...each('gather_rows', 0, (m, rows, cols, dtype, layout) => ({
    ids: m.matrix('int32', 1, rows, { values: ids(rows, 9) }),
    table: m.matrix(dtype, 9, cols, { layout }),
    out: m.matrix('fp32', rows, cols, { layout }),
  })),
  ...each('scatter_add_rows', 1e-6, (m, rows, cols, dtype, layout) => ({
    ids: m.matrix('int32', 1, rows, { values: ids(rows, 4) }),
    in: m.matrix(dtype, rows, cols, { layout }),
    table: m.matrix('fp32', 5, cols, { layout }),
  })),
  ...each('rmsnorm', 1e-6, (m, rows, cols, dtype, layout) => ({
    in: m.matrix(dtype, rows, cols, { layout, scale: 3 }),
    weight: m.matrix(dtype, 1, rows),
    out: m.matrix(dtype, rows, cols, { layout }),
    rrms: m.matrix('fp32', 1, cols),
    eps: 1e-5,
  })),
  ...each('rmsnorm_backward', 3e-6, (m, rows, cols, dtype, layout) => ({
    in: m.matrix(dtype, rows, cols, { layout }),
    weight: m.matrix(dtype, 1, rows),
    rrms: m.matrix('fp32', 1, cols),
    dout: m.matrix(dtype, rows, cols, { layout }),
    din: m.matrix(dtype, rows, cols, { layout }),
    dweight: m.matrix('fp32', 1, rows),
    accumulate: layout === 'spread' ? 0 : 1,
  })),
  ...each('gemm', 2e-6, (m, rows, cols, dtype, layout) => ({
    a: m.matrix(dtype, rows, 19, { layout }),
    b: m.matrix('fp16', 19, cols, { layout }),
    out: m.matrix(dtype, rows, cols, { layout }),
    accumulate: 0,
  })),
  ...each('gemm', 2e-6, (m, rows, cols, dtype, layout) => ({
    a: m.matrix(dtype, rows, 70, { layout }),
    b: m.matrix(dtype, 70, cols, { layout }),
    out: m.matrix('fp32', rows, cols, { layout }),
    squares: m.matrix('fp64', 1, rows, { layout }),
    accumulate: 1,
  })),
  ...each('scale_gradient', 2e-6, (m, rows, cols, dtype, layout) => ({
    in: m.matrix(dtype, rows * 3, cols, { layout }),
    dout: m.matrix(dtype, rows * 3, cols, { layout }),
    dweight: m.matrix('fp32', 1, Math.max(1, rows)),
    accumulate: layout === 'spread' ? 0 : 1,
  })),
  ...each('grad_norm', 1e-6, (m, rows, cols, _, layout) => ({
    squares: [
      m.matrix('fp64', 1, rows, { layout, values: numbers(rows, 3).map(Math.abs) }),
      m.matrix('fp64', cols, 2, { values: numbers(cols * 2, 4).map(Math.abs) }),
    ],
    out: m.matrix('fp64', 1, 1),
  })),
  ...each('row_squares', 1e-6, (m, rows, cols, dtype, layout) => ({
    in: m.matrix(dtype, rows, cols, { layout, scale: 100 }),
    squares: m.matrix('fp64', 1, rows, { layout }),
    ...(layout === 'dense' && { ids: m.matrix('int32', 1, 5, { values: [0, rows, 2, -1, 2] }) }),
  })),
  ...each('classifier_loss', 1e-5, (m, rows, cols, dtype, layout) => ({
    in: m.matrix(dtype, 6, rows, { layout, scale: 3 }),
    table: m.matrix(dtype, cols, 6, { layout }),
    targets: m.matrix('int32', 1, rows, {
      values: ids(rows, cols + 1).map((id, i) => (i % 5 === 4 ? -1 : id % cols)),
    }),
    loss: m.matrix('fp64', 1, 2),
    scale: m.matrix('fp64', 1, 1, { values: [1024] }),
    logits: m.workspace(rows, 32),
    ...(layout !== 'spread' && { din: m.matrix('fp32', 6, rows, { layout }), dtable: m.matrix('fp32', cols, 6) }),
    ...(layout === 'dense' && { squares: m.matrix('fp64', 1, cols) }),
    accumulate: layout === 'padded' ? 1 : 0,
  })),
  ...each('adamw', 1e-6, (m, rows, cols, dtype, layout) => ({
    param: m.matrix('fp32', rows, cols),
    grad: m.matrix('fp32', rows, cols, { scale: 512 }),
    m: m.matrix('fp32', rows, cols),
    v: m.matrix('fp32', rows, cols, { values: numbers(rows * cols, 5).map(Math.abs) }),
    hyper: m.matrix('fp64', 1, 8, { values: [1e-3, 0.9, 0.95, 1e-8, 0.1, 0.19, 0.0975, 1 / 512] }),
    decay: layout === 'dense' ? 1 : 0,
    zero_grad: layout === 'padded' ? 1 : 0,
    ...(layout !== 'transposed' && {
      squares: m.matrix('fp64', 1, rows, { values: Array.from({ length: rows }, (_, r) => r % 3) }),
    }),
    ...(layout === 'spread' ? {} : { staged: m.matrix(dtype, rows, cols, { layout }) }),
  })),
]
