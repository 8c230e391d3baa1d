/** Reverse-mode differentiation of programs. */

import { BackwardGraph } from './backward-graph.js'
import { type ColumnForm, inForm, valuesInForm } from './column-form.js'
import { moveConstantsToFiles } from './constant-files.js'
import type { Function as Func, Operation, Program, TensorType, Value } from './ir.js'
import { constantsOf, functionOf } from './literals.js'
import { OpError } from './ops/row.js'
import { opRow } from './ops/table.js'
import { elideBroadcasts } from './passes/broadcast-elision.js'
import { eliminateCommonSubexpressions } from './passes/common-subexpressions.js'
import { foldConstants } from './passes/constant-folding.js'
import { eliminateDeadCode } from './passes/dead-code.js'
import { simplifyViews } from './passes/view-simplification.js'
import { isFloat } from './tensor.js'
import { producersOf, usesOf, valuesByName, valuesOf } from './value-graph.js'
import { checkGradient, vjpCall } from './vjp-call.js'
import { type WeightPair, WeightViews } from './weight-pairs.js'

/** What to differentiate, all by value name. */
export interface GradOptions {
  /** Inputs whose gradients the backward program yields. */
  wrt: readonly string[]
  /** Inputs whose gradients are left to the host as pairs. */
  weights: readonly string[]
  /** Forward values handed from the forward to the backward program; every other one is computed again. */
  taps: readonly string[]
  /** Forward values treated as constants (stop-gradient). */
  detached?: readonly string[]
  /** `main` unless given. */
  function?: string
}

/** A program with its derivative. */
export interface GradPrograms {
  /** The program with the taps after its outputs. */
  forward: Program
  /** Inputs: needed forward inputs, needed taps, `d_<output>` of every output. Outputs: `d_<wrt>`, then pair values. */
  backward: Program
  pairs: WeightPair[]
  /** Files of large constants only the backward program has, by the path it names. */
  blobs: Map<string, Uint8Array>
}

/**
 * Differentiates a program in reverse.
 *
 * The backward program computes forward values again from inputs and taps, never past a tap. Weights get no dense
 * gradient: each use yields a pair of values whose product is the gradient, in the layout `[1, C, 1, S]`.
 *
 * @throws {RangeError} if a name is unknown, or no output depends on a `wrt`
 * @throws {WeightUseError} if a weight is used in a way that has no pair
 * @throws {OpError} if an operation on the way has no derivative
 */
export function grad(program: Program, options: GradOptions): GradPrograms {
  const func = functionOf(program, options.function)
  return new Differentiation(program, func, options).run()
}

/** A backward value that is to be an output. */
interface Exposed {
  readonly value: Value
  readonly name: string
}

class Differentiation {
  readonly #program: Program
  readonly #func: Func
  readonly #wrt: Value[]
  readonly #taps: Value[]
  readonly #active: Set<Value>
  readonly #views: WeightViews
  readonly #graph: BackwardGraph
  readonly #producers: Map<Value, Operation>
  readonly #gradients = new Map<Value, Value>()
  readonly #pairs: { pair: Pick<WeightPair, 'weight' | 'kind'>; x: Exposed | string; dy: Value }[] = []

  constructor(program: Program, func: Func, options: GradOptions) {
    this.#program = program
    this.#func = func
    const values = valuesByName(func)
    const find = (kind: string, among: (value: Value) => boolean) => (name: string) => {
      const value = values.get(name)
      if (!value || !among(value)) throw new RangeError(`Expected ${kind} of ${func.name}, got ${name}.`)
      return value
    }
    const isInput = (value: Value): boolean => func.inputs.includes(value)
    this.#wrt = options.wrt.map(find('an input for wrt', isInput))
    const weights = options.weights.map(find('an input for weights', isInput))
    this.#taps = options.taps.map(find('a computed value for taps', (value) => !isInput(value)))
    const detached = new Set(options.detached?.map(find('a value for detached', () => true)))
    const constants = constantsOf(func)
    this.#views = new WeightViews(weights, constants)
    this.#active = this.#activeValues(new Set([...this.#wrt, ...weights]), detached)
    this.#producers = producersOf(func)
    this.#graph = new BackwardGraph(program, func, constants, this.#taps)
  }

  run(): GradPrograms {
    const { b } = this.#graph
    for (const output of this.#func.outputs) {
      const { dtype, shape } = output.type as TensorType
      this.#accumulate(output, b.input(`d_${output.name}`, dtype, shape))
    }
    for (const operation of this.#func.operations.toReversed()) this.#differentiate(operation)
    for (const value of this.#wrt) {
      const gradient = this.#gradients.get(value)
      if (!gradient) throw new RangeError(`Expected an output that depends on it for wrt, got ${value.name}.`)
      b.output(gradient, `d_${value.name}`)
    }
    const pairs = this.#pairs.map(({ pair, x, dy }): WeightPair => {
      const xName = typeof x === 'string' ? x : this.#expose(x.value, x.name)
      const dyName = this.#expose(dy, `dy_${pair.weight}`)
      const xFrom = typeof x === 'string' ? 'forward' : 'backward'
      return { ...pair, x: { from: xFrom, name: xName }, dy: { from: 'backward', name: dyName } }
    })
    const passes = [foldConstants, elideBroadcasts, simplifyViews, eliminateCommonSubexpressions, eliminateDeadCode]
    const written = b.program(this.#program.version)
    const simplified = passes.reduce((program, pass) => pass(program), {
      ...written,
      attributes: this.#program.attributes,
    })
    const own = new Set(this.#graph.forwardConstants.values())
    const { program: backward, blobs } = moveConstantsToFiles(simplified, own)
    return { forward: this.#forward(), backward: this.#withNeededInputs(backward), pairs, blobs }
  }

  /** Values through which an output depends on an input of interest; also follows the weights. */
  #activeValues(active: Set<Value>, detached: ReadonlySet<Value>): Set<Value> {
    for (const operation of this.#func.operations) {
      if (this.#views.follow(operation) || !usesOf(operation).some((value) => active.has(value))) continue
      for (const value of operation.results) {
        if (!detached.has(value) && value.type.kind === 'tensor' && isFloat(value.type.dtype)) active.add(value)
      }
    }
    return active
  }

  #accumulate(value: Value, gradient: Value): void {
    const known = this.#gradients.get(value)
    const name = `d_${value.name}_sum`
    this.#gradients.set(value, known ? this.#graph.b.op('add', { x: known, y: gradient }, { name }) : gradient)
  }

  #differentiate(operation: Operation): void {
    const { op, operands, results } = operation
    const dy = results.map((value) => (this.#active.has(value) ? this.#gradients.get(value) : undefined))
    if (dy.every((value) => value === undefined)) return
    const needs = new Set<string>()
    for (const [name, operand] of Object.entries(operands)) {
      for (const value of valuesOf(operand)) {
        if (this.#views.weightOf(value)) this.#pair(operation, name, value, dy[0]!)
        else if (this.#active.has(value)) needs.add(name)
      }
    }
    if (needs.size === 0) return
    const row = opRow(op)
    if (!row?.vjp) throw new OpError(`Expected an operation with a derivative, got ${op} ${results[0].name}.`)
    const gradients = row.vjp(vjpCall(this.#graph, operation, dy, needs))
    for (const name of needs) {
      const found = gradients[name]
      const list =
        found === undefined ? [] : 'type' in found ? [found as Value] : (found as readonly (Value | undefined)[])
      valuesOf(operands[name]).forEach((value, i) => {
        const gradient = list[i]
        if (!gradient || !this.#active.has(value)) return
        checkGradient(operation, name, value, gradient)
        this.#accumulate(value, gradient)
      })
    }
  }

  #pair(operation: Operation, name: string, used: Value, dy: Value): void {
    const weight = this.#views.weightOf(used)!.name
    const { kind, x, xForm, dyForm } = this.#views.plan(operation, name, used)
    const gradient = this.#inForm(dy, dyForm)
    this.#pairs.push({ pair: { weight, kind }, x: this.#forwardOrBackward(x, xForm, weight), dy: gradient })
  }

  /** Name of a forward input or output in the form, else a backward value. */
  #forwardOrBackward(x: Value, form: ColumnForm, weight: string): Exposed | string {
    const constants = this.#graph.forwardConstants
    const candidates = valuesInForm(x, form, { producer: (value) => this.#producers.get(value), constants })
    const { inputs, outputs } = this.#func
    const exposed = candidates.find((value) => [...inputs, ...outputs, ...this.#taps].includes(value))
    if (exposed) return exposed.name
    if (candidates.length > 0) return { value: this.#graph.value(candidates[0]), name: candidates[0].name }
    return { value: this.#inForm(this.#graph.value(x), form), name: `x_${weight}` }
  }

  #inForm(value: Value, form: ColumnForm): Value {
    const { b } = this.#graph
    const producers = producersOf(b.function)
    const origin = { producer: (of: Value) => producers.get(of), constants: b.constants }
    return valuesInForm(value, form, origin)[0] ?? inForm(b, value, form)
  }

  /** Makes a backward value an output unless it is an input or output already; returns its name. */
  #expose(value: Value, name: string): string {
    const { b } = this.#graph
    const { inputs, outputs } = b.function
    if (inputs.includes(value) || outputs.includes(value)) return value.name
    return b.output(value, name === value.name ? undefined : b.freeName(name)).name
  }

  #forward(): Program {
    const outputs = [...new Set([...this.#func.outputs, ...this.#taps])]
    const functions = this.#program.functions.map((func) => (func === this.#func ? { ...func, outputs } : func))
    return { ...this.#program, functions }
  }

  /** Forward inputs that are used in their order, then taps that are used in theirs, then all output gradients. */
  #withNeededInputs(program: Program): Program {
    const [func] = program.functions
    const used = new Set(func.operations.flatMap(usesOf))
    const byName = new Map(func.inputs.map((value) => [value.name, value]))
    const named = (values: readonly Value[]) => values.flatMap(({ name }) => byName.get(name) ?? [])
    const needed = named([...this.#func.inputs, ...new Set(this.#taps)]).filter((value) => used.has(value))
    const gradients = this.#func.outputs.map((value) => byName.get(`d_${value.name}`)!)
    return { ...program, functions: [{ ...func, inputs: [...needed, ...gradients] }] }
  }
}
