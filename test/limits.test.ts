import {
  type BlobFiles,
  bake,
  checkLimits,
  chipFamilies,
  elementCount,
  evaluate,
  grad,
  limitRule,
  lower,
  type Program,
  pack,
  packInputs,
  parse,
  print,
  type Tensor,
  type TensorType,
  unpackOutputs,
  verify,
} from '@ane/mil'
import {
  cutSegments,
  type LayersPerProgram,
  type ModelConfig,
  modelConfig,
  presetNames,
  presets,
  segmentProgram,
} from '@ane/models'
import { describe, expect, it } from 'vitest'

const SEQ_LEN = 32

interface PackedProgram {
  readonly name: string
  readonly program: Program
  readonly blobs: BlobFiles
  readonly layout: ReturnType<typeof pack>['layout']
  /** The program before it was packed. */
  readonly source: Program
}

/** Forward and backward program of every different segment, packed as training packs them. */
function packedPrograms(config: ModelConfig, layersPerProgram: LayersPerProgram = 'half'): PackedProgram[] {
  const known = new Set<string>()
  return cutSegments(config, layersPerProgram).flatMap((segment) => {
    if (known.has(segment.structure)) return []
    known.add(segment.structure)
    const options = { batchSize: 1, seqLen: SEQ_LEN, dtype: 'fp16' } as const
    const { program, blobs, taps, detached } = segmentProgram(config, segment, options)
    const weights = segment.weights.map(({ parameter }) => parameter)
    const { forward, backward, blobs: more } = grad(program, { wrt: ['x'], weights, taps, detached })
    return Object.entries({ forward, backward }).map(([direction, source]) => {
      const inputs = source.functions[0].inputs.map(({ name }) => name)
      const own = weights.filter((name) => inputs.includes(name))
      const packed = pack(source, { weights: own, outputs: 'concat', align: 32, maxColumns: 16384 })
      return { ...packed, source, name: `${segment.structure} ${direction}`, blobs: new Map([...blobs, ...more]) }
    })
  })
}

/** A model with the shape of a preset's layers, small enough to evaluate. */
const small = modelConfig({
  ...presets['qwen3-0.6b'],
  hidden_size: 64,
  intermediate_size: 80,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  num_hidden_layers: 1,
})

function randomInputs(program: Program): Record<string, Tensor> {
  let state = 7
  const next = () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return state / 2 ** 31 - 1
  }
  return Object.fromEntries(
    program.functions[0].inputs.map(({ name, type }) => {
      const { dtype, shape } = type as TensorType
      const scale = /norm/.test(name) ? 1 : (shape.at(-1) as number) ** -0.5
      const data = Float32Array.from({ length: elementCount(shape as number[]) }, () => Math.round(next() * 512) / 512)
      return [
        name,
        { dtype, shape: shape as number[], data: data.map((x) => Math.fround(Math.round(x * scale * 1024) / 1024)) },
      ]
    }),
  )
}

const bindings = ['packed', 'inputs', 'baked'] as const

/** A program as one binding has it; baked weights are zeros. */
function bound(source: Program, blobs: BlobFiles, binding: (typeof bindings)[number]) {
  const weights = source.functions[0].inputs.filter(({ name }) => name.startsWith('layer_'))
  if (binding === 'inputs') return { program: source, blobs }
  if (binding === 'packed') {
    const names = weights.map(({ name }) => name)
    return { program: pack(source, { weights: names, outputs: 'concat', align: 32, maxColumns: 16384 }).program, blobs }
  }
  const values = weights.map(({ name, type }) => {
    return [name, new Float32Array(elementCount((type as TensorType).shape as number[]))] as const
  })
  const baked = bake(source, Object.fromEntries(values), { dtype: 'fp16' })
  return { program: baked.program, blobs: new Map([...blobs, ...baked.blobs]) }
}

/** Errors, and warnings of what is slow or would fail by reports that no other report contradicts. */
const problemsOf = (program: Program, chip: string) =>
  checkLimits(program, { chip }).filter(({ rule, severity, symptom }) => {
    if (severity !== 'warning') return severity === 'error'
    return symptom !== 'slow' && limitRule(rule)!.evidence.contradicted === undefined
  })

describe.each(presetNames())('the programs of %s', (name) => {
  const programs = packedPrograms(presets[name])

  it.each(bindings)('with %s weights satisfy every limit of every chip once lowered', (binding) => {
    for (const { source, blobs } of programs) {
      const given = bound(source, blobs, binding)
      for (const chip of chipFamilies) {
        const lowered = lower(given.program, { chip, blobs: given.blobs, widths: 'pad' })
        expect(problemsOf(lowered.program, chip), chip).toEqual([])
        const wrong = verify(lowered.program, { blobs: lowered.blobs })
        expect(wrong.filter(({ severity }) => severity === 'error')).toEqual([])
        const again = parse(print(lowered.program))
        expect(print(again)).toBe(print(lowered.program))
      }
    }
  })
})

describe.each(['tiny', 'stories260k'])('the programs of %s with all layers', (name) => {
  const programs = packedPrograms(presets[name], 'all')

  it.each(bindings)('and %s weights satisfy every limit of every chip once lowered', (binding) => {
    for (const { source, blobs } of programs) {
      const given = bound(source, blobs, binding)
      for (const chip of chipFamilies) {
        const lowered = lower(given.program, { chip, blobs: given.blobs, widths: 'pad' })
        expect(problemsOf(lowered.program, chip), chip).toEqual([])
      }
    }
  })
})

describe('lowered programs of a small model', () => {
  it.each(chipFamilies)('compute the same on %s', (chip) => {
    for (const { program, source, blobs, layout, name } of packedPrograms(small)) {
      const inputs = randomInputs(source)
      const lowered = lower(program, { chip, blobs })
      const surface = { [lowered.renamed[layout.input.name] ?? layout.input.name]: packInputs(layout, inputs) }
      const [output] = Object.values(evaluate(lowered.program, surface, { blobs: lowered.blobs }))
      const results = unpackOutputs(layout, output)
      const exact = evaluate(source, inputs, { blobs, round: false })
      const rounded = evaluate(source, inputs, { blobs })
      for (const [key, { data }] of Object.entries(exact)) {
        const rms = (values: ArrayLike<number>) =>
          Math.sqrt(Array.from(values, (x, i) => (x - Number(data[i])) ** 2).reduce((a, b) => a + b, 0) / values.length)
        const own = rms(results[key].data as Float32Array)
        const reference = rms(rounded[key].data as Float32Array)
        expect(own, `${name} ${key}`).toBeLessThan(2 * reference + 1e-4)
      }
    }
  })
})
