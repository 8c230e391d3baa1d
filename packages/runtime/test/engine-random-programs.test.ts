import { isFloat, opNames, print } from '@ane/mil'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Device, type MathMode, openDevice } from '../src/index.js'
import { runProgram } from './device-runs.js'
import { drawnElsewhere, type RandomOptions, randomProgram } from './random/programs.js'
import { evaluateRoughly, products, worstDeviation } from './random/rounding.js'
import { Random } from './random/source.js'

/** `ANE_FUZZ_PROGRAMS=20000 ANE_FUZZ_SEED=7` makes more programs, and other ones. */
const programs = Number(process.env.ANE_FUZZ_PROGRAMS ?? 300)
const firstSeed = Number(process.env.ANE_FUZZ_SEED ?? 1)
const perTest = 50

const drawable = opNames().filter((op) => !Object.hasOwn(drawnElsewhere, op))

describe('random programs', () => {
  const devices: Device[] = []
  beforeAll(async () => {
    devices.push(
      await openDevice('cpu', { threads: 1 }),
      await openDevice('cpu'),
      await openDevice('cpu', { math: 'fast', threads: 1 }),
      await openDevice('cpu', { math: 'fast' }),
    )
  })
  afterAll(() => {
    for (const device of devices) device.dispose()
  })

  /** Runs the program of a seed everywhere; returns its operations. */
  async function check(seed: number, options: RandomOptions): Promise<readonly string[]> {
    const { program, inputs, blobs, expected, certainty, operations } = randomProgram(seed, options)
    const text = print(program)
    const about = (what: string, name: string) => `${what}: output ${name} of program ${seed}:\n${text}`
    const [one, two, fast, fastTwo] = await Promise.all(
      devices.map((device) => runProgram(device, text, inputs, { blobs })),
    )
    const modes: [MathMode, typeof one][] = [['exact', one]]
    // bf16 dot products take subnormal numbers as zero: next to infinities that shows.
    if (!options.extremes || !operations.some((op) => products.includes(op))) modes.push(['fast', fast])
    for (const [name, want] of Object.entries(expected)) {
      expect(one.get(name)!.shape, about('shape', name)).toEqual(want.shape)
      expect(two.get(name)!.data, about('threads', name)).toEqual(one.get(name)!.data)
      expect(fastTwo.get(name)!.data, about('threads in fast', name)).toEqual(fast.get(name)!.data)
      if (certainty.get(name) !== 'near') expect(one.get(name)!.data, about('exact bits', name)).toEqual(want.data)
    }
    for (const [math, got] of modes) {
      const rough = [1, 2, 3, 4].map((k) => evaluateRoughly(program, inputs, blobs, math, new Random(seed * 8 + k)))
      for (const [name, want] of Object.entries(expected)) {
        const { data } = got.get(name)!
        if (certainty.get(name) === 'moved' || !isFloat(want.dtype)) {
          expect(data, about(`${math} bits`, name)).toEqual(want.data)
        }
        const around = rough.map((outputs) => outputs.get(name)!)
        const { ratio, index } = worstDeviation(data as Float32Array, want, around)
        expect(ratio, about(`${math}, element ${index}`, name)).toBeLessThanOrEqual(1)
      }
    }
    return operations
  }

  const rounds = Array.from({ length: Math.ceil(programs / 300) }, (_, i) => firstSeed + i * 7919)
  it.each(drawable)('begin with %s and give what the reference gives', async (op) => {
    for (const [i, seed] of rounds.entries()) {
      const operations = await check(seed + drawable.indexOf(op) * 31 + i, { length: 3, first: op })
      expect(operations[0]).toBe(op)
    }
  })

  // Padding of conv leaves out what the engine multiplies by zero, infinite weights too.
  it.each(drawable.filter((op) => op !== 'conv'))('of %s keep infinities, NaN and subnormal numbers', async (op) => {
    for (const seed of rounds) await check(seed + drawable.indexOf(op) * 37, { length: 1, first: op, extremes: true })
  })

  const starts = Array.from({ length: Math.ceil(programs / perTest) }, (_, i) => firstSeed + i * perTest)
  it.each(starts)('number %i and those after it give what the reference gives', async (start) => {
    for (let seed = start; seed < start + perTest; seed++) await check(seed, { length: 12 })
  })
})
