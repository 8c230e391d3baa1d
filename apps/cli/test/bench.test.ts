import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { ane } from './ane.js'

const bench = (...args: string[]) => ane(['bench', ...args, '--model', 'stories260k', '--seq-len', '16'], tmpdir())

const positive = (values: number[]) => values.length > 0 && values.every((value) => Number.isFinite(value) && value > 0)

const machine = { cpu: expect.any(String), cores: expect.any(Number), node: process.version }

describe('ane bench', () => {
  it('times whole training steps and gives the raw samples', async () => {
    const { status, out, err } = await bench('step', '--steps', '1', '--json')
    expect(err).toBe('')
    expect(status).toBe(0)
    const result = JSON.parse(out)
    expect(result).toMatchObject({ model: 'stories260k', tokens_per_step: 16, device: { kind: 'cpu' }, machine })
    expect(result.samples).toHaveLength(1)
    const { step_ms, device_forward_ms, device_backward_ms, host_ms, update_ms } = result.samples[0]
    expect(positive([step_ms, device_forward_ms, device_backward_ms, host_ms, update_ms])).toBe(true)
    expect(positive([result.parameters, result.flops_per_step, result.peak_rss_bytes])).toBe(true)
  })

  it('times every product with a weight matrix beside the peak and gives the raw samples', async () => {
    const { status, out, err } = await bench('gemm', '--rounds', '1', '--threads', '1', '--json')
    expect(err).toBe('')
    expect(status).toBe(0)
    const result = JSON.parse(out)
    expect(result).toMatchObject({ model: 'stories260k', seq_len: 16, device: { threads: 1 }, machine })
    expect(result.peak_flops).toHaveLength(2)
    expect(positive(result.peak_flops)).toBe(true)
    for (const product of ['forward', 'input gradient', 'weight gradient']) {
      const products = result.products.filter((p: { product: string }) => p.product === product)
      // q and o, k and v, gate and up, down of five layers, and the classifier
      expect(products.map((p: Record<string, number>) => [p.out, p.in, p.per_step])).toEqual([
        [64, 64, 10],
        [32, 64, 10],
        [172, 64, 10],
        [64, 172, 5],
        [512, 64, 1],
      ])
      for (const { ms, out, in: inputs, flops } of products) {
        expect(ms).toHaveLength(1)
        expect(positive(ms)).toBe(true)
        expect(flops).toBe(2 * out * inputs * 16)
      }
    }
    const weights = 5 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 172 * 64) + 512 * 64
    expect(result.flops_per_step).toBe(3 * 2 * weights * 16)
  })

  it('shows people a table that ends with the whole step', async () => {
    const { status, out } = await bench('gemm', '--rounds', '1')
    expect(status).toBe(0)
    expect(out).toContain('peak')
    expect(out.trim().split('\n').at(-2)).toContain('whole step')
  })

  it.each([
    [['gemm', '--rounds', '0'], /--rounds, got 0/],
    [['step', '--steps', 'x'], /--steps, got x/],
    [['gemm', '--threads', '100000'], /for threads, got 100000/],
    [['step', '--threads', '100000'], /for threads, got 100000/],
  ])('%j ends with status 2 and a message', async (args, message) => {
    const { status, out, err } = await bench(...args)
    expect(err).toMatch(message)
    expect(status).toBe(2)
    expect(out).toBe('')
  })

  it('suggests a preset for a name it does not know', async () => {
    const { status, err } = await ane(['bench', 'gemm', '--model', 'stories15'], tmpdir())
    expect(err).toContain('Did you mean stories15m?')
    expect(status).toBe(2)
  })
})
