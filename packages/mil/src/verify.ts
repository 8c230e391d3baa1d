import { relativeBlobPath } from './blob-paths.js'
import { readBlobRecord } from './blob-reader.js'
import { FormatError } from './format-error.js'
import type {
  BlobFiles,
  Block,
  Literal,
  Function as MilFunction,
  Operand,
  Operation,
  Position,
  Program,
  Type,
  Value,
} from './ir.js'
import { constantsOf } from './literals.js'
import { type ConstantLookup, inferTypes } from './ops/call.js'
import { OPSETS, OpError } from './ops/row.js'
import { opRow } from './ops/table.js'
import { elementCount, lacksElements, tensorOf } from './tensor.js'
import { compatibleTypes, printType } from './type-text.js'

/** Something wrong (`error`) or unusual (`warning`) in a program. */
export interface Diagnostic {
  severity: 'error' | 'warning'
  message: string
  /** Position of the operation in the text, from 1; absent in programs that were not parsed. */
  line?: number
  column?: number
  /** Name of the function. */
  function?: string
  /** Name of the operation's first result. */
  operation?: string
}

/** What `verify` checks beyond the program itself. */
export interface VerifyOptions {
  /** Weight files to check every file reference against. */
  blobs?: BlobFiles
  /** Accepts the defective records `ReadBlobOptions.lenient` accepts. */
  lenientBlobs?: boolean
}

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_@]*$/

/**
 * Checks a program: names, order of definition and use, types of results, constants, weight files, outputs.
 *
 * Unknown operations are warnings and their declared types are taken as they are. Never throws on a damaged program.
 */
export function verify(program: Program, options: VerifyOptions = {}): Diagnostic[] {
  const diagnostics: Diagnostic[] = []
  if (program.functions.length === 0) {
    diagnostics.push({ severity: 'error', message: 'Expected at least one function for the program, got none.' })
  }
  const names = new Set<string>()
  for (const func of program.functions) {
    const verifier = new FunctionVerifier(func, options)
    if (names.has(func.name)) verifier.report('error', `Expected one function named ${func.name}, got two.`)
    names.add(func.name)
    diagnostics.push(...verifier.run())
  }
  return diagnostics
}

class FunctionVerifier {
  readonly #diagnostics: Diagnostic[] = []
  readonly #func: MilFunction
  readonly #options: VerifyOptions
  readonly #constantOf: ConstantLookup
  /** The definition of each name, to tell a repeated equal constant from a second meaning. */
  readonly #definitions = new Map<string, Operation | undefined>()
  /** Values known before a run. */
  readonly #folded = new Set<Value>()
  #operation: Operation | undefined

  constructor(func: MilFunction, options: VerifyOptions) {
    this.#func = func
    this.#options = options
    const constants = constantsOf(func)
    this.#constantOf = (value) => constants.get(value)
  }

  run(): Diagnostic[] {
    const func = this.#func
    if (!IDENTIFIER.test(func.name)) this.report('error', `Expected an identifier for a function, got '${func.name}'.`)
    const defined = new Set<Value>()
    for (const input of func.inputs) {
      this.#expectElements(input.type, input.name, false)
      this.#define(input, defined)
    }
    this.#block(func, defined)
    if (func.outputs.length === 0) this.report('error', `Expected at least one output for ${func.name}, got none.`)
    return this.#diagnostics
  }

  report(severity: Diagnostic['severity'], message: string): void {
    const operation = this.#operation
    const position: Partial<Position> = operation?.position ?? {}
    this.#diagnostics.push({
      severity,
      message,
      ...(position.line !== undefined && { line: position.line, column: position.column }),
      function: this.#func.name,
      ...(operation && { operation: operation.results[0]?.name ?? operation.op }),
    })
  }

  #block(block: Block, defined: ReadonlySet<Value>): void {
    const own = new Set(defined)
    for (const operation of block.operations) {
      this.#operation = operation
      this.#check(operation, own)
      for (const result of operation.results) this.#define(result, own, operation)
    }
    this.#operation = undefined
    const seen = new Set<Value>()
    for (const output of block.outputs) {
      if (!own.has(output)) this.report('error', `Expected a value defined before for an output, got ${output.name}.`)
      if (seen.has(output)) this.report('error', `Expected every output once, got ${output.name} twice.`)
      seen.add(output)
    }
  }

  #define(value: Value, defined: Set<Value>, operation?: Operation): void {
    const { name } = value
    if (!IDENTIFIER.test(name)) this.report('error', `Expected an identifier for a value, got ${JSON.stringify(name)}.`)
    if (this.#definitions.has(name)) {
      const first = this.#definitions.get(name)
      const repeated = first && operation && sameConstant(first, operation)
      this.report(repeated ? 'warning' : 'error', `Expected one value named ${name}, got two.`)
    }
    this.#definitions.set(name, operation)
    defined.add(value)
  }

  #check(operation: Operation, defined: ReadonlySet<Value>): void {
    const { op, operands } = operation
    if (operation.results.length === 0) this.report('error', `Expected at least one result for ${op}, got none.`)
    for (const [name, operand] of Object.entries(operands)) this.#operand(name, operand, defined)
    for (const literal of Object.values(operation.attributes)) this.#literal(literal)
    const folded = op === 'shape' || Object.values(operands).every((operand) => this.#isFolded(operand))
    if (folded) for (const result of operation.results) this.#folded.add(result)
    if (op === 'const') this.#constant(operation)
    else {
      for (const [name, operand] of Object.entries(operands)) this.#operandElements(name, operand)
      this.#types(operation, folded)
    }
    for (const block of operation.blocks) {
      this.#block(block, defined)
      this.#operation = operation
    }
  }

  #operand(name: string, operand: Operand, defined: ReadonlySet<Value>): void {
    if (operand.kind === 'literal') this.#literal(operand.literal)
    else if (operand.kind === 'list') for (const item of operand.items) this.#operand(name, item, defined)
    else if (!defined.has(operand.value)) {
      this.report('error', `Expected a value defined before for ${name}, got ${operand.value.name}.`)
    }
  }

  #isFolded(operand: Operand): boolean {
    if (operand.kind === 'list') return operand.items.every((item) => this.#isFolded(item))
    return operand.kind === 'literal' || this.#folded.has(operand.value)
  }

  #operandElements(name: string, operand: Operand): void {
    if (operand.kind === 'list') for (const item of operand.items) this.#operandElements(name, item)
    else this.#expectElements(operand.kind === 'literal' ? operand.literal.type : operand.value.type, name, true)
  }

  /** No value may be empty but, where `lists` may be, a list that shapes or axes come from. */
  #expectElements(type: Type, name: string, lists: boolean): void {
    const tensor = tensorOf(type)
    if (tensor && (lists ? lacksElements(tensor) : tensor.shape.includes(0)))
      this.report('error', `Expected at least one element for ${name}, got ${printType(type)}.`)
  }

  #constant({ operands, results }: Operation): void {
    const val = operands.val
    if (val?.kind !== 'literal') {
      this.report('error', 'Expected a constant for val, got none.')
      return
    }
    const declared = results[0]?.type
    if (results.length !== 1) this.report('error', `Expected one result for const, got ${results.length}.`)
    if (declared && !compatibleTypes(val.literal.type, declared)) this.#mismatch(declared, 'val', val.literal.type)
  }

  #types(operation: Operation, folded: boolean): void {
    const row = opRow(operation.op)
    if (!row) {
      this.report('warning', `Expected a known operation, got ${operation.op}.`)
      return
    }
    const opset = OPSETS.findIndex((name) => name === (operation.opset ?? this.#func.opset))
    if (opset >= 0 && opset < OPSETS.indexOf(row.opset)) {
      this.report('warning', `Expected opset ${row.opset} or later for ${row.op}, got ${OPSETS[opset]}.`)
    }
    let inferred: Type[]
    try {
      inferred = inferTypes(row, operation.operands, this.#constantOf)
    } catch (error) {
      if (!(error instanceof OpError)) throw error
      this.report('error', error.message)
      return
    }
    const { results } = operation
    if (inferred.length !== results.length) {
      this.report('error', `Expected ${inferred.length} results for ${operation.op}, got ${results.length}.`)
    }
    inferred.slice(0, results.length).forEach((type, i) => {
      if (!compatibleTypes(type, tensorOf(results[i].type) ?? results[i].type))
        this.#mismatch(type, results[i].name, results[i].type)
      this.#expectElements(type, results[i].name, folded)
    })
  }

  #mismatch(expected: Type, name: string, got: Type): void {
    this.report('error', `Expected ${printType(expected)} for ${name}, got ${printType(got)}.`)
  }

  #literal(literal: Literal): void {
    const { type, value } = literal
    if (value.kind === 'numbers' || value.kind === 'strings') {
      const known = type.kind === 'tensor' && !type.shape.includes(null) ? (type.shape as number[]) : undefined
      if (type.kind !== 'tensor' || (type.dtype === 'string') !== (value.kind === 'strings')) {
        this.report('error', `Expected a constant of ${printType(type)}, got ${value.kind}.`)
      } else if (known && elementCount(known) !== value.data.length) {
        this.report('error', `Expected elements for ${printType(type)}, got ${value.data.length}.`)
      }
    }
    if (value.kind === 'list') for (const item of value.items) this.#literal(item)
    if (value.kind === 'dict') for (const item of value.entries.flat()) this.#literal(item)
    if (value.kind === 'blob') this.#blob(literal)
  }

  #blob({ type, value }: Literal): void {
    if (value.kind !== 'blob') return
    if (value.offset % 64 !== 0) {
      this.report('warning', `Expected a multiple of 64 for offset of ${value.path}, got ${value.offset}.`)
    }
    if (type.kind !== 'tensor' || type.shape.includes(null)) {
      this.report('error', `Expected a tensor of known shape for BLOBFILE, got ${printType(type)}.`)
      return
    }
    try {
      relativeBlobPath(value.path)
      const { blobs, lenientBlobs } = this.#options
      const bytes = blobs?.get(value.path)
      if (blobs && !bytes) this.report('error', `Expected the weight file ${value.path}, got none.`)
      const elements = elementCount(type.shape as number[])
      const options = { dtype: type.dtype, elements, lenient: lenientBlobs, path: value.path }
      if (bytes) readBlobRecord(bytes, value.offset, options)
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.report('error', error.message)
    }
  }
}

/** Tells whether two operations are equal constants; compilers accept such a repetition. */
function sameConstant(a: Operation, b: Operation): boolean {
  const [x, y] = [a.operands.val, b.operands.val]
  if (a.op !== 'const' || b.op !== 'const' || x?.kind !== 'literal' || y?.kind !== 'literal') return false
  return printType(x.literal.type) === printType(y.literal.type) && sameData(x.literal, y.literal)
}

function sameData({ value: a }: Literal, { value: b }: Literal): boolean {
  if (a.kind === 'blob' && b.kind === 'blob') return a.path === b.path && a.offset === b.offset
  const flat = (a.kind === 'numbers' && b.kind === 'numbers') || (a.kind === 'strings' && b.kind === 'strings')
  if (!flat || a.data.length !== b.data.length) return false
  for (let i = 0; i < a.data.length; i++) if (!Object.is(a.data[i], b.data[i])) return false
  return true
}
