/** Table look-ups and their gradients. `S` columns, `C` channels, `V` rows of the table, `N` ids. */
import { expectSize, floats, input, output, type ReferenceKernel } from './kernel.js'

/** tokens [1, S], table [V, C] → out [C, S]: column s is row tokens[s] of the table. */
export const embedding: ReferenceKernel = {
  operands: { tokens: input('int32'), table: input(...floats), out: output(...floats) },
  check({ views }) {
    expectSize(views, 'tokens', 1, views.out.cols)
    expectSize(views, 'out', views.table.cols, views.out.cols)
  },
  run({ matrices: { tokens, table, out } }) {
    for (let s = 0; s < out.cols; s++) {
      const token = tokens.get(0, s)
      for (let c = 0; c < out.rows; c++) out.set(c, s, rowValue(table, token, c))
    }
  },
}

/** dtable[tokens[s]] += dout[:, s]; columns in order. Ids outside the table contribute nothing. */
export const embeddingBackward: ReferenceKernel = {
  operands: { tokens: input('int32'), dout: input(...floats), dtable: output('fp32') },
  check({ views }) {
    expectSize(views, 'tokens', 1, views.dout.cols)
    expectSize(views, 'dout', views.dtable.cols, views.dout.cols)
  },
  run({ matrices: { tokens, dout, dtable } }) {
    for (let s = 0; s < dout.cols; s++) {
      const token = tokens.get(0, s)
      if (token < 0 || token >= dtable.rows) continue
      for (let c = 0; c < dout.rows; c++) dtable.set(token, c, dtable.get(token, c) + dout.get(c, s))
    }
  },
}

/** ids [1, N], table [V, C] → out [N, C]: row n is row ids[n] of the table. */
export const gatherRows: ReferenceKernel = {
  operands: { ids: input('int32'), table: input(...floats), out: output(...floats) },
  check({ views }) {
    expectSize(views, 'ids', 1, views.out.rows)
    expectSize(views, 'out', views.out.rows, views.table.cols)
  },
  run({ matrices: { ids, table, out } }) {
    for (let n = 0; n < out.rows; n++) {
      const id = ids.get(0, n)
      for (let c = 0; c < out.cols; c++) out.set(n, c, rowValue(table, id, c))
    }
  },
}

/** table[ids[n]] += in[n]; rows in order. Ids outside the table contribute nothing. */
export const scatterAddRows: ReferenceKernel = {
  operands: { ids: input('int32'), in: input(...floats), table: output('fp32') },
  check({ views }) {
    expectSize(views, 'ids', 1, views.in.rows)
    expectSize(views, 'in', views.in.rows, views.table.cols)
  },
  run({ matrices: { ids, in: rows, table } }) {
    for (let n = 0; n < rows.rows; n++) {
      const id = ids.get(0, n)
      if (id < 0 || id >= table.rows) continue
      for (let c = 0; c < rows.cols; c++) table.set(id, c, table.get(id, c) + rows.get(n, c))
    }
  },
}

/** An id outside the table gives NaN, which no later step mistakes for a number. */
const rowValue = (table: { rows: number; get(row: number, col: number): number }, row: number, col: number) =>
  row >= 0 && row < table.rows ? table.get(row, col) : Number.NaN
