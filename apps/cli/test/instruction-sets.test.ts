import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildProgram, decodeFp16, encodeFp16, print, rmsNorm } from '@ane/mil'
import { readSafetensors, type SafetensorsTensor, writeSafetensors } from '@ane/models'
import { loadAddon } from '@ane/runtime'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { relativeL2 } from '../../../test/shared/errors.js'
import { fastOperation } from '../../../test/shared/tolerances.js'
import { ane, workshop } from './ane.js'

let shop: ReturnType<typeof workshop>
beforeAll(() => {
  shop = workshop()
})
afterAll(() => shop.remove())
const file = (name: string) => join(shop.folder, name)

/** Element-wise functions, reductions, a norm and softmax; products and attention. */
function blocks(dtype: 'fp16' | 'fp32') {
  return buildProgram({ inline: true }, (b) => {
    const x = b.input('x', dtype, [1, 33, 1, 65])
    const gain = b.constant(
      dtype,
      [1, 33, 1, 1],
      Float32Array.from({ length: 33 }, (_, i) => 1 + (i % 5) / 4),
    )
    b.output(b.silu({ x: b.exp({ x: b.tanh({ x }) }) }), 'functions')
    b.output(b.softmax({ x, axis: -1 }), 'softmax')
    b.output(rmsNorm(b, x, gain, { eps: 1e-5 }), 'norm')
    const heads = b.reshape({ x, shape: [1, 3, 11, 65] })
    const scores = b.mul({ x: b.matmul({ x: heads, y: heads, transpose_x: true, transpose_y: false }), y: 0.25 })
    b.output(b.matmul({ x: heads, y: heads, transpose_x: false, transpose_y: true }), 'product')
    const seen = b.softmax({ x: scores, axis: -1 })
    b.output(b.matmul({ x: heads, y: seen, transpose_x: false, transpose_y: true }), 'attention')
  }).program
}

async function outputsOn(isa: string, program: string, math: string): Promise<Map<string, SafetensorsTensor>> {
  const out = `${program}-${isa}-${math}.safetensors`
  const files = ['--inputs', `${program}.safetensors`, '--outputs', out]
  const { status, err } = await ane(['mil', 'run', `${program}.mil`, ...files, '--math', math], shop.folder, {
    ANE_ISA: isa,
  })
  expect([status, err]).toEqual([0, ''])
  return readSafetensors(file(out))
}

/** The instruction sets whose products have no fused multiply-add, which rounds a product of two fp32 numbers on its own. */
const unfused = ['portable']

describe('instruction sets', () => {
  it.each(['fp16', 'fp32'] as const)('give the same bits of %s in exact, and in fast but for bf16', async (dtype) => {
    writeFileSync(file(`${dtype}.mil`), print(blocks(dtype)))
    const numbers = Float32Array.from({ length: 33 * 65 }, (_, i) => 2 * Math.sin(i * 1.7))
    const data = dtype === 'fp16' ? decodeFp16(encodeFp16(numbers)) : numbers
    const x = { name: 'x', dtype: dtype === 'fp16' ? 'F16' : 'F32', shape: [1, 33, 1, 65], data } as const
    await writeSafetensors(file(`${dtype}.safetensors`), [x])
    const [best, ...others] = loadAddon().processor().isas
    for (const math of ['exact', 'fast']) {
      const expected = await outputsOn(best, dtype, math)
      for (const isa of others) {
        const outputs = await outputsOn(isa, dtype, math)
        for (const [name, want] of expected) {
          const [got, about] = [outputs.get(name)!, `${name} on ${isa} in ${math}`]
          const multiplies = name === 'product' || name === 'attention'
          const error = relativeL2(got.data as Float32Array, want.data as Float32Array)
          if (multiplies && math === 'fast') expect(error, about).toBeLessThan(fastOperation.relativeL2)
          else if (multiplies && dtype === 'fp32' && unfused.includes(isa)) expect(error, about).toBeLessThan(3e-6)
          else expect(got.data, about).toEqual(want.data)
        }
      }
    }
  })
})
