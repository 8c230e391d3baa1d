/** Einstein summation: products of tensors whose axes are named by letters, summed over letters the result lacks. */

import type { Dim, TensorType } from '../ir.js'
import { tensorType } from '../literals.js'
import { offsetsOf, stridesOf } from '../tensor.js'
import { computed, constant, elements, NUMBERS } from './operands.js'
import { type Call, OpError, type OpRow } from './row.js'
import { sameDim, spell } from './shapes.js'

interface Equation {
  /** Letters of each operand's axes. */
  readonly inputs: readonly string[]
  readonly output: string
  /** Letters summed over, each once. */
  readonly summed: readonly string[]
}

function equationOf(call: Call): Equation {
  const text = call.text('equation').replace(/ /g, '')
  const match = /^([a-zA-Z]*(?:,[a-zA-Z]*)*)->([a-zA-Z]*)$/.exec(text)
  if (!match) throw new OpError(`Expected letters as in "bchq,bkhc->bkhq" for equation, got "${text}".`)
  const [inputs, output] = [match[1].split(','), match[2]]
  const letters = [...new Set(match[1].replaceAll(',', ''))]
  if (new Set(output).size !== output.length || [...output].some((letter) => !letters.includes(letter))) {
    throw new OpError(`Expected distinct letters of the operands for the result of equation, got "${output}".`)
  }
  return { inputs, output, summed: letters.filter((letter) => !output.includes(letter)) }
}

/** Size of each letter. */
function sizesOf(equation: Equation, types: readonly Pick<TensorType, 'shape'>[]): Map<string, Dim> {
  const { inputs } = equation
  if (inputs.length !== types.length) {
    throw new OpError(`Expected ${inputs.length} tensors for values, got ${types.length}.`)
  }
  const sizes = new Map<string, Dim>()
  for (const [i, { shape }] of types.entries()) {
    if (shape.length !== inputs[i].length) {
      throw new OpError(`Expected rank ${inputs[i].length} for values[${i}], got ${spell(shape)}.`)
    }
    for (const [axis, letter] of [...inputs[i]].entries()) {
      sizes.set(letter, sameDim(sizes.get(letter) ?? null, shape[axis], `axis ${letter} of values[${i}]`))
    }
  }
  return sizes
}

export const einsums: readonly OpRow[] = [
  {
    op: 'einsum',
    opset: 'ios15',
    operands: [{ name: 'values', types: NUMBERS, variadic: true }, constant('equation', ['string'])],
    infer(call) {
      const equation = equationOf(call)
      const types = call.types('values')
      const sizes = sizesOf(equation, types)
      if (types.some(({ dtype }) => dtype !== types[0].dtype)) {
        throw new OpError(`Expected ${types[0].dtype} for values, got ${types.map(({ dtype }) => dtype).join(', ')}.`)
      }
      return [
        tensorType(
          types[0].dtype,
          [...equation.output].map((letter) => sizes.get(letter)!),
        ),
      ]
    },
    evaluate(call) {
      const equation = equationOf(call)
      const values = call.tensors('values')
      const sizes = sizesOf(equation, values)
      const out = computed(call)
      const offsets = (letters: readonly string[]) =>
        values.map(({ shape }, i) => {
          const strides = stridesOf(shape)
          const strideOf = (letter: string) =>
            strides.reduce((sum, stride, axis) => (equation.inputs[i][axis] === letter ? sum + stride : sum), 0)
          return offsetsOf(
            letters.map((letter) => sizes.get(letter)!),
            letters.map(strideOf),
          )
        })
      const [outer, inner] = [offsets([...equation.output]), offsets(equation.summed)]
      const data = values.map(elements)
      for (let i = 0; i < out.data.length; i++) {
        let total = 0
        for (let j = 0; j < inner[0].length; j++) {
          let term = 1
          for (let v = 0; v < data.length; v++) term *= data[v][outer[v][i] + inner[v][j]]
          total += term
        }
        out.data[i] = total
      }
      return [out]
    },
  },
]
