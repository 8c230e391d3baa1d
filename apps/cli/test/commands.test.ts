import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSafetensors, writeSafetensors } from '@ane/models'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ane, workshop } from './ane.js'

let shop: ReturnType<typeof workshop>
beforeAll(() => {
  shop = workshop()
})
afterAll(() => shop.remove())
const file = (name: string) => join(shop.folder, name)

const program = (body: string, outputs: string) => `program(1.3)
[buildInfo = dict<string, string>({})]
{
    func main<ios18>(tensor<fp16, [1, 2, 1, 4]> x, tensor<fp16, [1, 2, 1, 4]> y) {
${body}
    } -> (${outputs});
}
`

describe('ane', () => {
  it('explains itself and every command with --help', async () => {
    for (const args of [[], ['train'], ['sample'], ['data'], ['info'], ['doctor'], ['mil', 'run'], ['bench', 'step']]) {
      const { status, out } = await ane([...args, '--help'], shop.folder)
      expect(status).toBe(0)
      expect(out).toContain('Usage: ane')
    }
    const { out } = await ane(['--help'], shop.folder)
    expect(out).toContain('130 interrupted')
  })

  it('suggests the command or flag that was meant, and exits with 2', async () => {
    expect(await ane(['trian'], shop.folder)).toMatchObject({
      status: 2,
      err: expect.stringContaining('Did you mean train?'),
    })
    expect((await ane(['sample', 'x', '--promt', 'hi'], shop.folder)).err).toContain('Did you mean --prompt?')
    expect(await ane(['sample'], shop.folder)).toMatchObject({ status: 2 })
  })

  it.each([
    ['train', '--layers-per-program', '0', 'a whole number of at least 1 or half or all'],
    ['train', '--layers-per-program', 'x', 'a whole number of at least 1 or half or all'],
    ['train', '--learning-rate', '-1', 'a number of at least 0'],
    ['train', '--eval-fraction', '0.7', 'a number from 0 to 0.5'],
    ['train', '--loss-scale', '0', 'a positive number or dynamic'],
    ['train', '--threads', '0', 'a whole number of at least 1'],
    ['bench step', '--layers-per-program', '-1', 'a whole number of at least 1 or half or all'],
    ['sample none', '--top-p', '1.5', 'a number from 0 to 1'],
    ['data text.txt', '--vocab-size', '256', 'a whole number of at least 257'],
    ['info tiny', '--batch-size', '1e-3', 'a whole number of at least 1'],
    ['probe dispatch', '--runs', '2.5', 'a whole number of at least 1'],
    ['mil run a.mil', '--threads', 'many', 'a whole number of at least 1'],
  ])('ane %s names %s and what it takes, got %s, and exits with 2', async (command, flag, value, expected) => {
    const { status, out, err } = await ane([...command.split(' '), flag, value], shop.folder)
    expect(err).toContain(`Expected ${expected} for ${flag}, got "${value}".`)
    expect({ status, out }).toEqual({ status: 2, out: '' })
  })
})

describe('ane info', () => {
  it('lists presets, describes one, and suggests a near name', async () => {
    const list = JSON.parse((await ane(['info', '--json'], shop.folder)).out)
    expect(list.find((row: { preset: string }) => row.preset === 'stories110m').parameters).toBe(109_529_856)
    const one = JSON.parse((await ane(['info', 'qwen3-0.6b', '--json'], shop.folder)).out)
    expect(one.config).toMatchObject({ head_dim: 128, num_key_value_heads: 8 })
    const wrong = await ane(['info', 'storys15m'], shop.folder)
    expect(wrong).toMatchObject({ status: 2, err: expect.stringContaining('Did you mean stories15m?') })
  })

  it('names path and byte of a damaged checkpoint', async () => {
    writeFileSync(file('broken.bin'), Buffer.alloc(20, 1))
    const { status, err } = await ane(['info', 'broken.bin'], shop.folder)
    expect(status).toBe(1)
    expect(err).toMatch(/broken\.bin/)
  })
})

describe('ane doctor', () => {
  it('reports the machine and that the CPU engine works', async () => {
    const { status, out } = await ane(['doctor', '--json'], shop.folder)
    expect(status).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ ok: true, addon: { status: 'loaded' }, node: process.version })
  })

  it('names the kernels in use and why better ones are not', async () => {
    const env = { ANE_ISA: 'portable' }
    const { kernels } = JSON.parse((await ane(['doctor', '--json'], shop.folder, env)).out)
    expect(kernels).toMatchObject([
      { factors: 'fp32', kernel: 'portable' },
      { factors: 'bf16', kernel: null },
      { factors: 'int8', kernel: 'portable' },
    ])
    const reasons = kernels.flatMap(({ notUsed }: { notUsed: string[] }) => notUsed)
    for (const reason of reasons) expect(reason).toMatch(/^\w+: (the processor lacks .+|ANE_ISA is portable)$/)
    const { out } = await ane(['doctor'], shop.folder, env)
    expect(out).toMatch(/fp32 products +portable/)
    expect(out).toMatch(/bf16 products +as fp32, with --math fast/)
  })

  it('says that the processor lacks the instruction set ANE_ISA names', async () => {
    const { status, out } = await ane(['doctor'], shop.folder, { ANE_ISA: 'avx9' })
    expect(status).toBe(3)
    expect(out).toMatch(/Expected one of .*portable for ANE_ISA, got avx9\./)
  })

  it('exits with 3 and says what to do when the addon cannot be loaded', async () => {
    const { status, out } = await ane(['doctor'], shop.folder, { ANE_ADDON: file('nowhere.node') })
    expect(status).toBe(3)
    expect(out).toMatch(/nowhere\.node/)
    expect(out.split('Without the addon')).toHaveLength(2)
    expect(out.split('needs the native addon')).toHaveLength(3)
    const training = await ane(
      ['train', '--data', 'text.txt', '--model', 'model.json', '--vocab-size', '300', '--seq-len', '16'],
      shop.folder,
      {
        ANE_ADDON: file('nowhere.node'),
      },
    )
    expect(training.status).toBe(3)
  })
})

describe('ane data', () => {
  it('refuses to overwrite and leaves nothing of a failed attempt', async () => {
    writeFileSync(file('taken'), '')
    expect((await ane(['data', 'text.txt', '--out', 'taken'], shop.folder)).status).toBe(2)
    writeFileSync(file('bad.jsonl'), '{"text": "fine"}\n{"txt": "no"}\n')
    const bad = await ane(['data', 'bad.jsonl', '--out', 'none'], shop.folder)
    expect(bad.status).toBe(1)
    expect(bad.err).toMatch(/bad\.jsonl.*2/)
    expect((await ane(['data', 'text.txt', '--out', 'none', '--vocab-size', '300'], shop.folder)).status).toBe(0)
  })
})

describe('ane mil', () => {
  it('checks a program: fine, wrong shape, and malformed, with line and column', async () => {
    writeFileSync(
      file('good.mil'),
      program('        tensor<fp16, [1, 2, 1, 4]> z = add(x = x, y = y)[name = string("z")];', 'z'),
    )
    expect(JSON.parse((await ane(['mil', 'check', 'good.mil', '--json'], shop.folder)).out)).toMatchObject({ ok: true })
    writeFileSync(
      file('shape.mil'),
      program('        tensor<fp16, [1, 2, 1, 5]> z = add(x = x, y = y)[name = string("z")];', 'z'),
    )
    const shape = await ane(['mil', 'check', 'shape.mil', '--json'], shop.folder)
    expect(shape.status).toBe(1)
    expect(JSON.parse(shape.out).diagnostics[0]).toMatchObject({ severity: 'error', line: 5 })
    writeFileSync(file('malformed.mil'), program('        tensor<fp16, [1, 2, 1, 4]> z = add(x, y = y);', 'z'))
    const malformed = await ane(['mil', 'check', 'malformed.mil'], shop.folder)
    expect(malformed.status).toBe(1)
    expect(malformed.out).toMatch(/^malformed\.mil:5:\d+: error/)
  })

  it('names a program file that cannot be read', async () => {
    for (const command of [['check'], ['run', '--inputs', 'in.safetensors', '--outputs', 'out.safetensors']]) {
      const { status, err } = await ane(['mil', ...command, 'missing.mil'], shop.folder)
      expect(status).toBe(2)
      expect(err).toContain('Expected a readable file at missing.mil')
    }
  })

  it('runs a program on both devices with equal results', async () => {
    const tensor = (name: string, from: number) => ({
      name,
      dtype: 'F16' as const,
      shape: [1, 2, 1, 4],
      data: Float32Array.from({ length: 8 }, (_, i) => from + i / 4),
    })
    await writeSafetensors(file('in.safetensors'), [tensor('x', 1), tensor('y', -2)])
    for (const device of ['cpu', 'reference']) {
      const out = `${device}.safetensors`
      const run = await ane(
        ['mil', 'run', 'good.mil', '--inputs', 'in.safetensors', '--outputs', out, '--device', device, '--json'],
        shop.folder,
      )
      expect(run.err).toBe('')
      expect(JSON.parse(run.out).outputs).toEqual([{ output: 'z', dtype: 'F16', shape: '[1, 2, 1, 4]' }])
      const z = (await readSafetensors(file(out))).get('z')!
      expect([...(z.data as Float32Array)]).toEqual(Array.from({ length: 8 }, (_, i) => -1 + i / 2))
    }
    expect(readFileSync(file('cpu.safetensors')).equals(readFileSync(file('reference.safetensors')))).toBe(true)
  })

  it('never writes results over the program or its inputs', async () => {
    const before = ['good.mil', 'in.safetensors'].map((name) => readFileSync(file(name)))
    for (const place of ['good.mil', './in.safetensors']) {
      const run = await ane(['mil', 'run', 'good.mil', '--inputs', 'in.safetensors', '--outputs', place], shop.folder)
      expect(run.err).toContain(`which is needed, for --outputs, got ${place}.`)
      expect(run.status).toBe(2)
    }
    const after = ['good.mil', 'in.safetensors'].map((name) => readFileSync(file(name)))
    expect(after.every((bytes, i) => bytes.equals(before[i]))).toBe(true)
  })

  it('names the input that is missing or has another shape', async () => {
    await writeSafetensors(file('half.safetensors'), [
      { name: 'x', dtype: 'F16', shape: [1, 2, 1, 3], data: new Float32Array(6) },
    ])
    const run = await ane(
      ['mil', 'run', 'good.mil', '--inputs', 'half.safetensors', '--outputs', 'o.safetensors'],
      shop.folder,
    )
    expect(run.status).toBe(1)
    expect(run.err).toMatch(/\bx\b/)
  })
})
