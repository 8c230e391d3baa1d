import type { Block, Literal, Function as MilFunction, Operand, Operation, Program, TensorType, Value } from './ir.js'
import { printLiteral } from './printer-values.js'
import { printType } from './type-text.js'

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_@]*$/
const STRING: TensorType = { kind: 'tensor', dtype: 'string', shape: [] }
const string = (text: string): Literal => ({ type: STRING, value: { kind: 'strings', data: [text] } })

/** Printed where a program has no `buildInfo`: some compilers refuse a program without a `coremlc-version`. */
const BUILD_INFO: Literal = {
  type: { kind: 'dict', key: STRING, value: STRING },
  value: { kind: 'dict', entries: [[string('coremlc-version'), string('3505.4.1')]] },
}

/** How `print` spells constants without a name. */
export interface PrintOptions {
  /**
   * `const` (the default) makes each immediate operand a named `const` and gives every `const` a name, which the Neural
   * Engine's compiler needs; `inline` leaves them as they are in the program.
   */
  immediates?: 'const' | 'inline'
}

/**
 * Prints a program as canonical text: equal programs give equal bytes, and parsing gives the program back.
 *
 * `program.version` selects the spelling of types and scalars. Operands and attributes are sorted by name.
 *
 * @throws {TypeError} if a name is no identifier, a value is used where the text could not name it, or a constant does
 *   not belong to its type
 */
export function print(program: Program, options: PrintOptions = {}): string {
  if (!/^[0-9]+(\.[0-9]+)?$/.test(program.version)) {
    throw new TypeError(`Expected a version such as 1.3 for program, got ${program.version}.`)
  }
  const attributes = { buildInfo: BUILD_INFO, ...program.attributes }
  const functions = program.functions.map((func) =>
    new FunctionPrinter(program.version, options.immediates ?? 'const', func).print(func),
  )
  return `program(${program.version})\n${printAttributes(attributes, program.version)}\n{\n${functions.join('')}}`
}

function printAttributes(attributes: Record<string, Literal>, version: string): string {
  const entries = Object.entries(attributes)
    .sort(byName)
    .map(([name, literal]) => `${legal(name)} = ${printLiteral(literal, version)}`)
  return `[${entries.join(', ')}]`
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function legal(name: string): string {
  if (!IDENTIFIER.test(name) || name === '__proto__') {
    throw new TypeError(`Expected an identifier for a name, got ${JSON.stringify(name)}.`)
  }
  return name
}

class FunctionPrinter {
  readonly #version: string
  readonly #immediates: 'const' | 'inline'
  readonly #taken = new Set<string>()
  readonly #lines: string[] = []

  constructor(version: string, immediates: 'const' | 'inline', func: MilFunction) {
    this.#version = version
    this.#immediates = immediates
    for (const input of func.inputs) this.#taken.add(input.name)
    this.#take(func)
  }

  print(func: MilFunction): string {
    const scope = new Map<string, Value>()
    const inputs = func.inputs.map((input) => this.#define(input, scope))
    const opset = func.opset ? `<${legal(func.opset)}>` : ''
    const attributes =
      Object.keys(func.attributes).length > 0 ? ` ${printAttributes(func.attributes, this.#version)}` : ''
    const head = `    func ${legal(func.name)}${opset}(${inputs.join(', ')})${attributes} {\n`
    return `${head}${this.#block(func, scope, 8)};\n`
  }

  #block(block: Block, scope: Map<string, Value>, indent: number): string {
    const start = this.#lines.length
    for (const operation of block.operations) this.#operation(operation, scope, indent + 4)
    const outputs = block.outputs.map((value) => this.#reference(value, scope))
    const lines = this.#lines.splice(start)
    lines.push(`${' '.repeat(indent)}} -> (${outputs.join(', ')})`)
    return lines.join('\n')
  }

  #operation(operation: Operation, scope: Map<string, Value>, indent: number): void {
    const { op } = operation
    if (operation.results.length === 0) throw new TypeError(`Expected at least one result for ${op}, got none.`)
    const constants = op === 'const' || op.startsWith('constexpr_')
    const attributes = { ...operation.attributes }
    const operands: string[] = []
    for (const [name, operand] of Object.entries(operation.operands).sort(byName)) {
      if (constants && operand.kind === 'literal') attributes[name] = operand.literal
      else operands.push(`${legal(name)} = ${this.#operand(operation, name, operand, scope, indent)}`)
    }
    if (op === 'const' && this.#immediates === 'const') attributes.name ??= string(operation.results[0].name)
    const blocks = operation.blocks.map((block) => ` {\n${this.#block(block, new Map(scope), indent)}`)
    const results = operation.results.map((result) => this.#define(result, scope))
    const opset = operation.opset ? `<${legal(operation.opset)}>` : ''
    const list = Object.keys(attributes).length > 0 ? printAttributes(attributes, this.#version) : ''
    const call = `${legal(op)}${opset}(${operands.join(', ')})${list}${blocks.join('')}`
    this.#lines.push(`${' '.repeat(indent)}${results.join(', ')} = ${call};`)
  }

  #operand(operation: Operation, name: string, operand: Operand, scope: Map<string, Value>, indent: number): string {
    if (operand.kind === 'value') return this.#reference(operand.value, scope)
    if (operand.kind === 'list') {
      const items = operand.items.map((item, i) => {
        if (item.kind === 'list') throw new TypeError(`Expected values for ${name}, got a list in a list.`)
        return this.#operand(operation, `${name}_${i}`, item, scope, indent)
      })
      return `(${items.join(', ')})`
    }
    if (this.#immediates === 'inline') return printLiteral(operand.literal, this.#version)
    const constant: Value = { name: this.#free(`${operation.results[0].name}_${name}`), type: operand.literal.type }
    this.#operation(
      { op: 'const', operands: { val: operand }, attributes: {}, results: [constant], blocks: [] },
      scope,
      indent,
    )
    return constant.name
  }

  #define(value: Value, scope: Map<string, Value>): string {
    scope.set(legal(value.name), value)
    return `${printType(value.type, this.#version)} ${value.name}`
  }

  #reference(value: Value, scope: Map<string, Value>): string {
    if (scope.get(value.name) !== value) {
      throw new TypeError(`Expected ${value.name} to be the latest definition of its name before its use, got another.`)
    }
    return value.name
  }

  #take(block: Block): void {
    for (const operation of block.operations) {
      for (const result of operation.results) this.#taken.add(result.name)
      for (const inner of operation.blocks) this.#take(inner)
    }
  }

  #free(wanted: string): string {
    let name = wanted
    for (let i = 0; this.#taken.has(name); i++) name = `${wanted}_${i}`
    this.#taken.add(name)
    return name
  }
}
