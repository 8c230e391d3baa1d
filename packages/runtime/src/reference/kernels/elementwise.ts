/** fill, copy, add: element by element over strided views. Each result is rounded once to its view's type. */
import { expectSize, floats, input, type Matrix, number, output, type ReferenceKernel } from './kernel.js'

const each = ({ rows, cols }: Matrix, body: (row: number, col: number) => void) => {
  for (let row = 0; row < rows; row++) for (let col = 0; col < cols; col++) body(row, col)
}

/** out = value. */
export const fill: ReferenceKernel = {
  operands: { out: output(...floats), value: number },
  check() {},
  run({ matrices: { out }, numbers: { value } }) {
    each(out, (row, col) => out.set(row, col, Math.fround(value)))
  },
}

/** out = in, converted between fp16 and fp32; with strides this stages and transposes. */
export const copy: ReferenceKernel = {
  operands: { in: input(...floats), out: output(...floats) },
  check({ views }) {
    expectSize(views, 'out', views.in.rows, views.in.cols)
  },
  run({ matrices: { in: source, out } }) {
    each(out, (row, col) => out.set(row, col, source.get(row, col)))
  },
}

/** out = a + scale · b; out may be a or b. */
export const add: ReferenceKernel = {
  operands: { a: input(...floats), b: input(...floats), out: output(...floats), scale: number },
  check({ views }) {
    expectSize(views, 'b', views.a.rows, views.a.cols)
    expectSize(views, 'out', views.a.rows, views.a.cols)
  },
  run({ matrices: { a, b, out }, numbers: { scale } }) {
    const factor = Math.fround(scale)
    each(out, (row, col) => out.set(row, col, a.get(row, col) + factor * b.get(row, col)))
  },
}
