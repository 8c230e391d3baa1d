import type { Block, Literal, Function as MilFunction, Operand, Operation, Program, Value } from './ir.js'
import { Lexer } from './lexer.js'
import { parseType } from './parser-types.js'
import { parseBareValue, parseValue } from './parser-values.js'

const MAX_BLOCK_DEPTH = 16

/** Attributes that describe an operation; every other one of a `constexpr_*` is an operand. */
const ANNOTATIONS = new Set([
  'name',
  'BackendSupport',
  'EstimatedRuntime',
  'SelectedBackend',
  'ValidationMessage',
  'milId',
])

/**
 * Reads a program text in either spelling (`program(1.0)` and `program(1.3)`).
 *
 * @throws {FormatError} with line and column where the text is malformed or names a value that is not defined before
 */
export function parse(text: string, options: { path?: string } = {}): Program {
  return new Parser(new Lexer(text, options.path)).program()
}

/** Names visible in a block: its own and those of the blocks around it. */
class Scope {
  readonly #values = new Map<string, Value>()
  readonly #outer: Scope | undefined
  readonly depth: number

  constructor(outer?: Scope) {
    this.#outer = outer
    this.depth = outer ? outer.depth + 1 : 0
  }

  find(name: string): Value | undefined {
    return this.#values.get(name) ?? this.#outer?.find(name)
  }

  define(value: Value): void {
    this.#values.set(value.name, value)
  }
}

class Parser {
  readonly #lexer: Lexer

  constructor(lexer: Lexer) {
    this.#lexer = lexer
  }

  program(): Program {
    const lexer = this.#lexer
    this.#keyword('program')
    lexer.expect('(', 'program')
    const version = lexer.text
    if (!/^[0-9]{1,9}(\.[0-9]{1,9})?$/.test(version)) throw lexer.unexpected('a version such as 1.3', 'program')
    lexer.next()
    lexer.expect(')', 'program')
    const attributes = this.#attributes()
    lexer.expect('{', 'program')
    const functions: MilFunction[] = []
    while (!lexer.at('}')) functions.push(this.#function())
    lexer.next()
    if (lexer.kind !== 'end') throw lexer.unexpected('the end of the text', 'program')
    return { version, attributes, functions }
  }

  #function(): MilFunction {
    const lexer = this.#lexer
    this.#keyword('func')
    const name = lexer.identifier('the name of a function')
    const opset = this.#opset()
    lexer.expect('(', `function ${name}`)
    const scope = new Scope()
    const inputs = this.#list(')', `the inputs of ${name}`, () => this.#result())
    for (const input of inputs) {
      if (scope.find(input.name)) throw lexer.error(`Expected one input named ${input.name} for ${name}, got two.`)
      scope.define(input)
    }
    const attributes = this.#attributes()
    const block = this.#block(scope)
    lexer.skip(';')
    return { name, ...(opset && { opset }), inputs, attributes, ...block }
  }

  #block(scope: Scope): Block {
    const lexer = this.#lexer
    if (scope.depth > MAX_BLOCK_DEPTH) throw lexer.error(`Expected at most ${MAX_BLOCK_DEPTH} nested blocks, got more.`)
    lexer.expect('{', 'a block')
    const operations: Operation[] = []
    while (!lexer.at('}')) operations.push(this.#operation(scope))
    lexer.next()
    lexer.expect('->', 'a block')
    lexer.expect('(', 'the outputs of a block')
    const outputs = this.#list(')', 'the outputs of a block', () => this.#reference(scope))
    return { operations, outputs }
  }

  #operation(scope: Scope): Operation {
    const lexer = this.#lexer
    const position = { line: lexer.line, column: lexer.column }
    const results = [this.#result()]
    while (lexer.skip(',')) results.push(this.#result())
    lexer.expect('=', `${results.at(-1)!.name}`)
    const op = lexer.identifier('the name of an operation')
    const opset = this.#opset()
    lexer.expect('(', op)
    const operands: Record<string, Operand> = {}
    this.#list(')', `the operands of ${op}`, () => {
      const name = this.#name(operands, `an operand of ${op}`)
      lexer.expect('=', `operand ${name} of ${op}`)
      operands[name] = this.#binding(scope)
    })
    const attributes = this.#attributes()
    for (const [name, literal] of Object.entries(attributes)) {
      if (op === 'const' ? name !== 'val' : !op.startsWith('constexpr_') || ANNOTATIONS.has(name)) continue
      if (Object.hasOwn(operands, name))
        throw lexer.error(`Expected one value for ${name} of ${op}, got two.`, position)
      operands[name] = { kind: 'literal', literal }
      delete attributes[name]
    }
    const blocks: Block[] = []
    let ended = false
    while (lexer.at('{')) {
      blocks.push(this.#block(new Scope(scope)))
      ended = lexer.skip(';')
    }
    if (!ended) lexer.expect(';', `the end of ${op}`)
    for (const result of results) scope.define(result)
    return { op, ...(opset && { opset }), operands, attributes, results, blocks, position }
  }

  #result(): Value {
    const type = parseType(this.#lexer)
    return { name: this.#lexer.identifier('the name of a value'), type }
  }

  #binding(scope: Scope, nested = false): Operand {
    const lexer = this.#lexer
    if (!nested && lexer.skip('(')) {
      const items = this.#list(')', 'a list of operands', () => this.#binding(scope, true))
      return { kind: 'list', items }
    }
    if (lexer.kind !== 'identifier') return { kind: 'literal', literal: parseBareValue(lexer) }
    const at = { line: lexer.line, column: lexer.column }
    const word = lexer.text
    const value = scope.find(word)
    if (!value && (word === 'true' || word === 'false' || word === 'inf' || word === 'nan')) {
      return { kind: 'literal', literal: parseBareValue(lexer) }
    }
    lexer.next()
    if (lexer.at('<') || lexer.at('(')) return { kind: 'literal', literal: parseValue(lexer, word) }
    if (!value) throw lexer.error(`Expected a value defined before, got '${word}'.`, at)
    return { kind: 'value', value }
  }

  #reference(scope: Scope): Value {
    const lexer = this.#lexer
    const at = { line: lexer.line, column: lexer.column }
    const name = lexer.identifier('an output')
    const value = scope.find(name)
    if (!value) throw lexer.error(`Expected a value defined before for an output, got '${name}'.`, at)
    return value
  }

  #attributes(): Record<string, Literal> {
    const attributes: Record<string, Literal> = {}
    if (!this.#lexer.skip('[')) return attributes
    this.#list(']', 'the attributes', () => {
      const name = this.#name(attributes, 'an attribute')
      this.#lexer.expect('=', `attribute ${name}`)
      const typed = this.#lexer.kind === 'identifier' && this.#lexer.text !== 'true' && this.#lexer.text !== 'false'
      attributes[name] = typed ? parseValue(this.#lexer) : parseBareValue(this.#lexer)
    })
    return attributes
  }

  /** Reads a name that is not yet a key of `taken`. */
  #name(taken: object, what: string): string {
    const lexer = this.#lexer
    const at = { line: lexer.line, column: lexer.column }
    const name = lexer.identifier(what)
    if (Object.hasOwn(taken, name)) throw lexer.error(`Expected one ${name} for ${what}, got two.`, at)
    if (name === '__proto__') throw lexer.error(`Expected another name for ${what}, got '${name}'.`, at)
    return name
  }

  #opset(): string | undefined {
    const lexer = this.#lexer
    if (!lexer.skip('<')) return undefined
    const opset = lexer.identifier('an opset')
    lexer.expect('>', 'an opset')
    return opset
  }

  /** Reads comma-separated items up to and including `close`. */
  #list<T>(close: string, name: string, item: () => T): T[] {
    const lexer = this.#lexer
    const items: T[] = []
    while (!lexer.at(close)) {
      if (items.length > 0 && !lexer.skip(',')) throw lexer.unexpected(`',' or '${close}'`, name)
      items.push(item())
    }
    lexer.next()
    return items
  }

  #keyword(word: string): void {
    const lexer = this.#lexer
    if (lexer.kind !== 'identifier' || lexer.text !== word) throw lexer.unexpected(`'${word}'`, 'a program')
    lexer.next()
  }
}
