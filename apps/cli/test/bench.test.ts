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

  it('compares pipelines, measured here and modelled on a chip', async () => {
    const { status, out, err } = await bench('pipelines', '--steps', '1', '--chips', 'm4', '--json')
    expect(err).toBe('')
    expect(status).toBe(0)
    const result = JSON.parse(out)
    expect(result).toMatchObject({ model: 'stories260k', seq_len: 16, device: { kind: 'cpu' }, machine })
    const key = (p: Record<string, unknown>) => `${p.weights} ${p.layers_per_program} ${p.host_ops}`
    const rows = new Map<string, Record<string, Record<string, unknown>>>(
      result.pipelines.map((p: Record<string, unknown>) => [key(p), p]),
    )
    expect(rows.size).toBe(15)
    const losses = [...rows.values()].map(({ measured }) => measured.loss as number)
    expect(Math.max(...losses) - Math.min(...losses)).toBeLessThan(0.02)
    for (const { measured } of rows.values()) {
      const [{ step_ms, device_forward_ms, device_backward_ms, host_ms }] = measured.samples as Record<string, number>[]
      expect(positive([step_ms, device_forward_ms, device_backward_ms, host_ms])).toBe(true)
      expect(positive([measured.surface_bytes_per_step as number])).toBe(true)
    }
    const counts = (name: string) => {
      const { programs, compiles_per_1000_steps, dispatches_forward, dispatches_backward } = rows.get(name)!.measured
      return [programs, compiles_per_1000_steps, dispatches_forward, dispatches_backward]
    }
    expect(counts('packed half rmsnorm,residual')).toEqual([4, 4, 10, 10])
    expect(counts('inputs 1 ')).toEqual([2, 2, 5, 5])
    expect(counts('packed 4 ')).toEqual([4, 4, 2, 2])
    expect(counts('baked all ')).toEqual([2, 2000, 1, 1])
  })

  it('says which limit keeps a chip from a pipeline, and that fused programs are modelled faster', async () => {
    const { out } = await ane(
      ['bench', 'pipelines', '--seq-len', '64', '--steps', '1', '--chips', 'm4', '--json'],
      tmpdir(),
    )
    const modelled = (weights: string, layers: unknown) =>
      JSON.parse(out).pipelines.find(
        (p: Record<string, unknown>) =>
          p.weights === weights && p.layers_per_program === layers && String(p.host_ops) === '',
      ).modelled[0]
    expect(modelled('inputs', 'all')).toEqual({ chip: 'm4', refused: 'C-52' })
    const [separate, fused] = [modelled('packed', 'half'), modelled('packed', 'all')]
    expect([separate, fused]).toMatchObject([
      { modelled: true, chip: 'm4' },
      { modelled: true, chip: 'm4' },
    ])
    expect(separate.forward_ms / fused.forward_ms).toBeGreaterThan(3)
    expect(separate.backward_ms / fused.backward_ms).toBeGreaterThan(3)
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
    [['pipelines', '--chips', 'm9'], /m9/],
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
