/** What a host kernel is: its operands, their shapes, and its meaning in plain TypeScript. */
import type { View } from '../../device.js'
import type { ViewDtype } from '../../views.js'

/** One operand of a kernel. `view` and `views` list the element types they accept. */
export interface OperandSpec {
  readonly kind: 'view' | 'views' | 'number' | 'flag'
  readonly dtypes?: readonly ViewDtype[]
  readonly written?: boolean
  readonly optional?: boolean
}

/** Operands whose presence, kinds, types and bounds were checked against the specs. */
export interface CheckedOperands {
  readonly views: Readonly<Record<string, View>>
  readonly lists: Readonly<Record<string, readonly View[]>>
  readonly numbers: Readonly<Record<string, number>>
}

/** Reads and writes elements of a view as numbers; writing rounds once to the element type. */
export interface Matrix {
  readonly rows: number
  readonly cols: number
  get(row: number, col: number): number
  set(row: number, col: number, value: number): void
}

/** Operands as the body of a kernel sees them; absent optional views are missing. */
export interface KernelCall {
  readonly matrices: Readonly<Record<string, Matrix>>
  readonly lists: Readonly<Record<string, readonly Matrix[]>>
  readonly numbers: Readonly<Record<string, number>>
}

/** A row of the kernel table. */
export interface ReferenceKernel {
  readonly operands: Readonly<Record<string, OperandSpec>>
  /** Relations between shapes. @throws {RangeError} if one does not hold */
  check(operands: CheckedOperands): void
  run(call: KernelCall): void
}

/** Element types a program computes in. */
export const floats = ['fp16', 'fp32'] as const

/** Shorthands of the specs. */
export const input = (...dtypes: ViewDtype[]): OperandSpec => ({ kind: 'view', dtypes })
export const output = (...dtypes: ViewDtype[]): OperandSpec => ({ kind: 'view', dtypes, written: true })
export const number: OperandSpec = { kind: 'number' }
export const flag: OperandSpec = { kind: 'flag' }

/** @throws {RangeError} if the view is not `rows` x `cols` */
export function expectSize(views: CheckedOperands['views'], name: string, rows: number, cols: number): void {
  const { rows: gotRows, cols: gotCols } = views[name]
  if (gotRows !== rows || gotCols !== cols) {
    throw new RangeError(`Expected ${rows} x ${cols} for ${name}, got ${gotRows} x ${gotCols}.`)
  }
}
