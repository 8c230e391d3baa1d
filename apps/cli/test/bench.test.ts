import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ane, workshop } from './ane.js'

const small = ['--model', 'stories260k', '--seq-len', '16']
const run = (...args: string[]) => ane(['bench', ...args], tmpdir())
const bench = (...args: string[]) => run(...args, ...small)

const positive = (values: number[]) => values.length > 0 && values.every((value) => Number.isFinite(value) && value > 0)

const machine = {
  cpu: expect.any(String),
  cores: expect.any(Number),
  memory_bytes: expect.any(Number),
  node: process.version,
}

interface Measurement {
  name: string
  unit: string
  samples: number[]
  flops?: number
  reads?: number
  writes?: number
  tokens?: number
  per_step?: number
}

/** Runs a benchmark that must succeed silently; returns its result and its measurements by name. */
async function result(...args: string[]) {
  const { status, out, err } = await run(...args, '--json')
  expect(err).toBe('')
  expect(status).toBe(0)
  const parsed = JSON.parse(out)
  expect(parsed).toMatchObject({ schema: 'ane-bench', schema_version: 1, bench: args[0], machine })
  const measured = new Map<string, Measurement>(parsed.measurements.map((one: Measurement) => [one.name, one]))
  return { parsed, measured }
}

describe('ane bench', () => {
  it('times whole training steps and their parts', async () => {
    const { parsed, measured } = await result('step', '--steps', '2', '--math', 'fast', ...small)
    const settings = { model: 'stories260k', seq_len: 16, math: 'fast', dtype: 'fp16', threads: parsed.machine.cores }
    expect(parsed).toMatchObject({ device: { kind: 'cpu' }, settings })
    expect(parsed.limits.flops.samples).toHaveLength(2)
    for (const { samples } of measured.values()) expect(samples).toHaveLength(2)
    for (const part of ['step', 'device_forward', 'device_backward', 'host', 'gradient_norm', 'update'])
      expect(positive(measured.get(part)!.samples)).toBe(true)
    for (const part of ['schedule', 'javascript']) expect(measured.get(part)!.samples[0]).toBeGreaterThanOrEqual(0)
    expect(measured.get('step')).toMatchObject({ tokens: 16, flops: expect.any(Number) })
    const { parameters, peak_rss_bytes, memory_estimate_bytes } = parsed.facts
    expect(positive([parameters, peak_rss_bytes, memory_estimate_bytes])).toBe(true)
  })

  it('times a step on every number of threads, with a compact vocabulary', async () => {
    const whole = await result('step', '--steps', '1', ...small)
    const args = ['--steps', '1', '--scaling', '--compact-vocabulary', '100']
    const { parsed, measured } = await result('step', ...args, ...small)
    expect(parsed.settings).toMatchObject({ scaling: true, compact_vocabulary: 100 })
    const alone = parsed.settings.threads > 1 ? 'step on 1 thread' : 'step'
    expect(positive(measured.get(alone)!.samples)).toBe(true)
    // forward and two gradients of a product of 64 channels with 412 tokens fewer
    const flops = ({ measured }: typeof whole) => measured.get('step')!.flops!
    expect(flops(whole) - flops({ parsed, measured })).toBe(3 * 2 * 64 * 412 * 16)
  })

  it('reads batches from a text, with the classifier limited to its tokens', async () => {
    const shop = workshop()
    try {
      const text = await ane(['data', 'text.txt', '--out', 'shards', '--vocab-size', '400'], shop.folder)
      expect(text.status).toBe(0)
      const args = ['step', '--steps', '1', '--data', join(shop.folder, 'shards')]
      const whole = await result(...args, ...small)
      const compact = await result(...args, '--compact-vocabulary', 'text', ...small)
      expect(compact.parsed.settings.compact_vocabulary).toBeLessThanOrEqual(400)
      const { distinct_tokens_per_step: distinct, first_loss: loss } = compact.parsed.facts
      expect(distinct).toBeGreaterThan(1)
      expect(distinct).toBeLessThanOrEqual(16)
      expect(whole.parsed.facts.distinct_tokens_per_step).toBe(distinct)
      // Weights drawn anew find every token about as likely, so fewer of them cost fewer nats.
      const nats = Math.log(512 / compact.parsed.settings.compact_vocabulary)
      expect(whole.parsed.facts.first_loss - loss).toBeCloseTo(nats, 1)
    } finally {
      shop.remove()
    }
  })

  it('reports efficiency to people as hand-written systems do', async () => {
    const { status, out } = await bench('step', '--steps', '1')
    expect(status).toBe(0)
    for (const line of ['compile and set up', 'ms a step', 'device', 'staging', 'utilisation', 'overhead', 'commit'])
      expect(out).toContain(line)
  })

  it('times every product with a weight matrix beside the peak', async () => {
    const { parsed, measured } = await result('gemm', '--rounds', '1', '--threads', '1', ...small)
    expect(parsed.settings).toMatchObject({ model: 'stories260k', seq_len: 16, threads: 1, math: 'exact' })
    expect(parsed.limits.flops.samples).toHaveLength(2)
    expect(positive(parsed.limits.flops.samples)).toBe(true)
    const weights = 5 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 172 * 64) + 512 * 64
    // q and o, k and v, gate and up, down of five layers, and the classifier
    const shapes: [string, number][] = [
      ['64×64', 10],
      ['32×64', 10],
      ['172×64', 10],
      ['64×172', 5],
      ['512×64 classifier', 1],
    ]
    const names = ['forward', 'input gradient', 'weight gradient'].flatMap((product) =>
      shapes.map(([shape, count]) => [`${product} ${shape}`, count] as const),
    )
    expect([...measured.keys()].sort()).toEqual([...names.map(([name]) => name), 'whole step'].sort())
    for (const [name, count] of names) {
      const { samples, per_step, flops } = measured.get(name)!
      expect(positive(samples)).toBe(true)
      expect(per_step).toBe(count)
      const [out, inputs] = name.match(/\d+/g)!.map(Number)
      expect(flops).toBe(2 * out * inputs * 16)
    }
    expect(measured.get('whole step')!.flops).toBe(3 * 2 * weights * 16)
  })

  it('times one token and a prompt through every weight', async () => {
    const { parsed, measured } = await result('decode', '--model', 'stories260k', '--rounds', '2', '--prefill', '16')
    const norms = 5 * 2 * 64
    const layers = 5 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 172 * 64) + norms
    expect(measured.get('token')).toMatchObject({ reads: 2 * (layers + 512 * 64), tokens: 1 })
    expect(measured.get('classifier')).toMatchObject({ reads: 2 * 512 * 64 })
    expect(measured.get('prefill of 16')).toMatchObject({ tokens: 16, flops: expect.any(Number) })
    for (const { samples } of measured.values()) {
      expect(samples).toHaveLength(2)
      expect(positive(samples)).toBe(true)
    }
    expect(positive([...parsed.limits.read, ...parsed.limits.copy, ...parsed.limits.flops.samples])).toBe(true)
  })

  it('times clipping and AdamW over every weight', async () => {
    const { parsed, measured } = await result('optim', '--model', 'stories260k', '--rounds', '1')
    const { parameters } = parsed.facts
    expect([...measured.values()].map(({ name, reads, writes }) => [name, reads, writes])).toEqual([
      ['norm and update', 16 * parameters, 14 * parameters],
      ['gradient norm', undefined, undefined],
      ['update', 16 * parameters, 14 * parameters],
    ])
    for (const { samples } of measured.values()) expect(positive(samples)).toBe(true)
  })

  it('measures the processor and its memory on one thread and on all', async () => {
    const { parsed, measured } = await result('peak', '--rounds', '1')
    const { threads } = parsed.settings
    for (const name of ['fp32 multiply-adds', 'int8 product 768×768×256', 'memory reads', 'memory copies'])
      for (const on of threads === 1 ? ['1 thread'] : ['1 thread', `${threads} threads`])
        expect(positive(measured.get(`${name}, ${on}`)!.samples)).toBe(true)
  })

  it('holds peak memory against the estimate and its parts, the largest first', async () => {
    const { parsed, measured } = await result('memory', ...small)
    expect(measured.get('resident after a step')!.samples).toHaveLength(2)
    const bytes = (name: string) => measured.get(name)!.samples[0]
    const parts = parsed.measurements.filter(({ name }: Measurement) => name.startsWith('estimate: '))
    const sizes: number[] = parts.map(({ samples }: Measurement) => samples[0])
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a))
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(bytes('estimate'))
    expect(bytes('estimate: moments')).toBe(8 * parsed.facts.parameters)
    expect(bytes('peak resident') - bytes('process before')).toBe(bytes('taken by training'))
  })

  it('takes no more memory the more steps it runs', async () => {
    const { parsed, measured } = await result('memory', '--steps', '400', ...small)
    expect(parsed.settings.steps).toBe(400)
    const { samples } = measured.get('resident after a step')!
    expect(samples).toHaveLength(100)
    // Far more than processes vary by, far less than the gradients of every step.
    expect(samples[99] - samples[24]).toBeLessThan(2 ** 25)
    expect(Math.abs(parsed.facts.growth_bytes_per_step)).toBeLessThan(2 ** 17)
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

  it('models pipelines of every binding on a chip, fused programs faster', async () => {
    const { out } = await ane(
      ['bench', 'pipelines', '--seq-len', '64', '--steps', '1', '--chips', 'm4', '--json'],
      tmpdir(),
    )
    const modelled = (weights: string, layers: unknown) =>
      JSON.parse(out).pipelines.find(
        (p: Record<string, unknown>) =>
          p.weights === weights && p.layers_per_program === layers && String(p.host_ops) === '',
      ).modelled[0]
    for (const weights of ['packed', 'inputs', 'baked']) {
      const [separate, fused] = [modelled(weights, 'half'), modelled(weights, 'all')]
      expect(separate).toMatchObject({ modelled: true, chip: 'm4' })
      expect(fused).toMatchObject({ modelled: true, chip: 'm4' })
      expect(separate.forward_ms / fused.forward_ms, weights).toBeGreaterThan(3)
      expect(separate.backward_ms / fused.backward_ms, weights).toBeGreaterThan(3)
    }
  })

  it('shows people a table that ends with the whole step', async () => {
    const { status, out } = await bench('gemm', '--rounds', '1')
    expect(status).toBe(0)
    expect(out).toContain('peak')
    expect(out.trim().split('\n').at(-2)).toContain('whole step')
  })

  it.each([
    [['gemm', '--rounds', '0'], /^error: Expected a whole number of at least 1 for --rounds, got "0"\.$/m],
    [['step', '--steps', 'x'], /^error: Expected a whole number of at least 1 for --steps, got "x"\.$/m],
    [['step', '--math', 'exakt'], /^error: Expected one of exact, fast for --math, got "exakt"\.$/m],
    [['step', '--compact-vocabulary', '513'], /at most 512, the vocabulary of stories260k, .* got 513\.$/m],
    [['step', '--compact-vocabulary', 'text'], /^error: Expected --data with --compact-vocabulary text, got none\.$/m],
    [['step', '--batch-size', '1000000000'], /fits into .* of memory, got one of about .* Use --batch-size \d+\.$/m],
    [['memory', '--batch-size', '1000000000'], /fits into .* of memory, got one of about .* Use --batch-size \d+\.$/m],
    [['pipelines', '--batch-size', '1e12'], /fits into .* of memory, got one of about .* Use --batch-size \d+\.$/m],
    [['step', '--data', 'missing'], /^error: Expected token shards for --data, got missing\. Make them with ane data/m],
    [['pipelines', '--chips', 'm9'], /m9/],
    ...['step', 'gemm', 'memory'].flatMap((name): [string[], RegExp][] => [
      [[name, '--threads', '0'], /^error: Expected a whole number of at least 1 for --threads, got "0"\.$/m],
      [[name, '--threads', '100000'], /^error: Expected an integer from 1 to \d+ for threads, got 100000\.$/m],
    ]),
  ])('%j ends with status 2 and a message', async (args, message) => {
    const { status, out, err } = await bench(...args)
    expect(err).toMatch(message)
    expect(status).toBe(2)
    expect(out).toBe('')
  })

  it.each([
    ['decode', '--threads', '100000'],
    ['optim', '--threads', '100000'],
    ['peak', '--threads', '100000'],
    ['decode', '--prefill', '513', '--model', 'stories260k'],
  ])('%s %s %s ends with status 2 and says what is possible', async (...args) => {
    const { status, out, err } = await run(...args)
    expect(err).toMatch(/^error: Expected (an integer from 1 to|at most) \d+.* got \d+\.$/m)
    expect(status).toBe(2)
    expect(out).toBe('')
  })

  it.each(['step', 'gemm', 'decode', 'optim', 'peak', 'memory'])(
    '%s names the instruction sets this processor has for an ANE_ISA it lacks',
    async (name) => {
      const { status, out, err } = await ane(['bench', name], tmpdir(), { ANE_ISA: 'avx51' })
      expect(err).toMatch(/^error: Expected one of (\w+, )*portable for ANE_ISA, got avx51\.$/m)
      expect(status).toBe(2)
      expect(out).toBe('')
    },
  )

  it('suggests a preset for a name it does not know', async () => {
    for (const name of ['step', 'gemm', 'decode', 'optim', 'memory']) {
      const { status, err } = await run(name, '--model', 'stories15')
      expect(err).toContain('Did you mean stories15m?')
      expect(status).toBe(2)
    }
  })
})

describe('ane bench --save and --compare', () => {
  let folder: string
  const file = (name: string) => join(folder, name)
  const optim = (...args: string[]) =>
    ane(['bench', 'optim', '--model', 'stories260k', '--rounds', '1', ...args], folder)

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ane-bench-'))
    const { status, err } = await optim('--save', 'base.json')
    expect(err).toBe('')
    expect(status).toBe(0)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** The saved result with its samples multiplied. */
  function saveScaled(name: string, factor: number): void {
    const saved = JSON.parse(readFileSync(file('base.json'), 'utf8'))
    for (const measurement of saved.measurements)
      measurement.samples = measurement.samples.map((sample: number) => sample * factor)
    writeFileSync(file(name), JSON.stringify(saved))
  }

  it('saves what --json prints and compares medians by name', async () => {
    saveScaled('fast.json', 1e-3)
    const { status, out, err } = await optim('--compare', 'fast.json', '--json')
    expect(status).toBe(0)
    const { comparison, measurements } = JSON.parse(out)
    expect(comparison.map(({ name }: Measurement) => name)).toEqual(measurements.map(({ name }: Measurement) => name))
    for (const { baseline, now, ratio, slower } of comparison) {
      expect(ratio).toBe(now / baseline)
      expect(slower).toBe(true)
    }
    expect(err.trim().split('\n')).toHaveLength(comparison.length)
    expect(err).toMatch(/^warning: norm and update: [\d.]+ times the baseline\.$/m)
  })

  it('warns of nothing that is faster', async () => {
    saveScaled('slow.json', 1e3)
    const { status, out, err } = await optim('--compare', 'slow.json')
    expect(status).toBe(0)
    expect(err).toBe('')
    expect(out).toContain('ratio')
  })

  it.each([
    ['missing.json', undefined, /Expected a readable file at missing\.json/],
    ['broken.json', '{"schema":', /Expected JSON in broken\.json/],
    [
      'other.json',
      '{"a":1}',
      /Expected a result of ane bench optim in other\.json, got a wrong schema.* Save one with --save\./,
    ],
    ['short.json', '{"schema":"ane-bench"}', /got a wrong schema_version/],
    ['bench.json', { bench: 'gemm' }, /Expected a result of ane bench optim in bench\.json, got one of gemm/],
    [
      'machine.json',
      { machine: { cpu: 'Abacus' } },
      /Expected a baseline of this machine \(.*\) in .*, got one of Abacus.* Save one here/,
    ],
    ['settings.json', { settings: { math: 'fast' } }, /Expected a baseline with math exact .* got fast/],
  ])('refuses %s before it measures', async (name, content, message) => {
    if (typeof content === 'string') writeFileSync(file(name), content)
    else if (content !== undefined) {
      const saved = JSON.parse(readFileSync(file('base.json'), 'utf8'))
      for (const [key, value] of Object.entries(content))
        saved[key] = typeof value === 'string' ? value : { ...saved[key], ...value }
      writeFileSync(file(name), JSON.stringify(saved))
    }
    const { status, out, err } = await optim('--compare', name)
    expect(err.replaceAll('\n', ' ')).toMatch(message)
    expect(status).toBe(2)
    expect(out).toBe('')
  })

  it.skipIf(process.platform !== 'linux')('shows what it measured where saving fails', async () => {
    const { status, out, err } = await optim('--save', '/dev/full')
    expect(out).toContain('norm and update')
    expect(err).toMatch(/^error: Could not write \/dev\/full: ENOSPC/)
    expect(status).toBe(1)
  })

  it('refuses to save into a folder that does not exist before it measures', async () => {
    const { status, out, err } = await optim('--save', 'nowhere/base.json')
    expect(err).toMatch(/Expected a file in an existing folder for --save, got nowhere\/base\.json\./)
    expect(status).toBe(2)
    expect(out).toBe('')
  })
})
