/** Operands of a recorded kernel, checked against the kernel table before any device sees them. */
import type { KernelOperands, View } from '../../device.js'
import { checkView, overlapsItself, viewDtype } from '../../views.js'
import { kernels } from './index.js'
import type { CheckedOperands, OperandSpec, ReferenceKernel } from './kernel.js'

/**
 * The kernel of that name and its operands.
 *
 * @throws {TypeError} if the name is unknown, or an operand missing, unknown, of the wrong kind or element type
 * @throws {RangeError} if a view is out of bounds or shapes do not fit each other
 */
export function checkOperands(name: string, operands: KernelOperands): [ReferenceKernel, CheckedOperands] {
  const kernel = Object.hasOwn(kernels, name) ? kernels[name] : undefined
  if (!kernel) throw new TypeError(`Expected one of ${Object.keys(kernels).join(', ')} for a kernel, got ${name}.`)
  if (typeof operands !== 'object' || operands === null) {
    throw new TypeError(`Expected operands by name for ${name}, got ${String(operands)}.`)
  }
  for (const key of Object.keys(operands)) {
    if (!Object.hasOwn(kernel.operands, key)) {
      const known = Object.keys(kernel.operands).join(', ')
      throw new TypeError(`Expected one of ${known} for an operand of ${name}, got ${key}.`)
    }
  }
  const checked = { views: {}, lists: {}, numbers: {} } as {
    views: Record<string, View>
    lists: Record<string, readonly View[]>
    numbers: Record<string, number>
  }
  for (const [key, spec] of Object.entries(kernel.operands)) {
    const value = Object.hasOwn(operands, key) ? operands[key] : undefined
    const label = `${name}.${key}`
    if (value === undefined) {
      if (!spec.optional) throw new TypeError(`Expected a ${spec.kind} for ${label}, got none.`)
    } else if (spec.kind === 'view') checked.views[key] = checkedView(value, spec, label)
    else if (spec.kind === 'views') checked.lists[key] = checkedList(value, spec, label)
    else checked.numbers[key] = checkedNumber(value, spec, label)
  }
  try {
    kernel.check(checked)
  } catch (error) {
    if (error instanceof Error) error.message = `${name}: ${error.message}`
    throw error
  }
  return [kernel, checked]
}

type Operand = KernelOperands[string]

function checkedView(value: Operand, spec: OperandSpec, label: string): View {
  if (typeof value !== 'object' || value === null || !('of' in value)) {
    throw new TypeError(`Expected a view for ${label}, got ${String(value)}.`)
  }
  checkView(value, label)
  const dtype = viewDtype(value)
  if (spec.dtypes && !spec.dtypes.includes(dtype)) {
    throw new TypeError(`Expected ${spec.dtypes.join(' or ')} for ${label}, got ${dtype}.`)
  }
  if (spec.written && overlapsItself(value)) {
    throw new RangeError(`Expected elements of their own for ${label}, got strides that repeat some.`)
  }
  return { ...value }
}

function checkedList(value: Operand, spec: OperandSpec, label: string): readonly View[] {
  if (!Array.isArray(value)) throw new TypeError(`Expected an array of views for ${label}, got ${String(value)}.`)
  return value.map((item, i) => checkedView(item, spec, `${label}[${i}]`))
}

function checkedNumber(value: Operand, spec: OperandSpec, label: string): number {
  if (typeof value !== 'number') throw new TypeError(`Expected a number for ${label}, got ${String(value)}.`)
  if (spec.kind === 'flag' && value !== 0 && value !== 1) {
    throw new RangeError(`Expected 0 or 1 for ${label}, got ${value}.`)
  }
  return value
}
