import { existsSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildProgram, print } from '@ane/mil'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ane, workshop } from './ane.js'

let shop: ReturnType<typeof workshop>
beforeAll(() => {
  shop = workshop()
})
afterAll(() => shop.remove())
const file = (name: string) => join(shop.folder, name)

const program = (body: string, outputs: string, shape = '1, 64, 1, 64') => `program(1.3)
[buildInfo = dict<string, string>({})]
{
    func main<ios18>(tensor<fp16, [${shape}]> a) {
${body}
    } -> (${outputs});
}
`
const type = 'tensor<fp16, [1, 64, 1, 64]>'
const square = 'tensor<fp16, [1, 1, 64, 64]>'
const masked = program(
  `        ${square} g = gelu(x = a, mode = string("EXACT"))[name = string("g")];
        ${square} z = scaled_dot_product_attention(query = g, key = g, value = g, attn_mask = g)[name = string("z")];`,
  'z',
  '1, 1, 64, 64',
)

describe('ane mil check --target', () => {
  it('names operator, line, rule, symptom, evidence and fix, and fails on errors', async () => {
    writeFileSync(file('masked.mil'), masked)
    const { status, out } = await ane(['mil', 'check', 'masked.mil', '--target', 'm4'], shop.folder)
    expect(status).toBe(1)
    expect(out).toMatch(
      /^masked\.mil:6:9: error: C-20 scaled_dot_product_attention z: Expected .* \[wrong data; M, O\] Fix: Write attention/m,
    )
    expect(out).toMatch(/^masked\.mil:5:9: warning: C-22 gelu g: .*Reports disagree: AF lists .* \[compile; O\] Fix: /m)
    expect(out).toMatch(/masked\.mil: 1 error on m4 \(macOS 26\.2\)$/m)
  })

  it('prints the same as JSON', async () => {
    const { status, out } = await ane(
      ['mil', 'check', 'masked.mil', '--target', 'M4-max', '--os', '15.4', '--json'],
      shop.folder,
    )
    expect(status).toBe(1)
    const report = JSON.parse(out)
    expect(report).toMatchObject({ ok: false, diagnostics: [], target: { chip: 'm4-max', os: '15.4' } })
    expect(report.limits[0]).toMatchObject({
      rule: 'C-20',
      severity: 'error',
      line: 6,
      column: 9,
      op: 'scaled_dot_product_attention',
      symptom: 'wrong data',
      evidence: 'M, O',
      repairable: true,
    })
  })

  it('writes the program as the chip takes it', async () => {
    const fixed = await ane(['mil', 'check', 'masked.mil', '--target', 'm1', '--fix', 'm1.mil', '--json'], shop.folder)
    expect(fixed.status).toBe(0)
    const { fix, ok } = JSON.parse(fixed.out)
    expect(ok).toBe(true)
    expect(fix).toMatchObject({ file: 'm1.mil', renamed: {}, weights: [], note: 'no weight files' })
    expect(fix.applied.map(({ id }: { id: string }) => id)).toEqual(
      expect.arrayContaining(['explicit-attention', 'split-activations', 'spell-for-chip']),
    )
    expect(readFileSync(file('m1.mil'), 'utf8')).toMatch(/^program\(1\.0\)/)
    const again = await ane(['mil', 'check', 'm1.mil', '--target', 'm1'], shop.folder)
    expect(again.status).toBe(0)
    expect(again.out).toMatch(/m1\.mil: ok on m1 \(macOS 26\.2\)$/m)
  })

  it('writes weight files beside the program and never over others', async () => {
    const weight = `        ${type.replace('64, 1, 64', '64, 1, 40')} y = slice_by_size(x = a, begin = tensor<int32, [4]>([0, 0, 0, 0]), size = tensor<int32, [4]>([1, 64, 1, 40]));
        tensor<fp16, [1, 1, 64, 40]> m = reshape(x = y, shape = tensor<int32, [4]>([1, 1, 64, 40]));
        tensor<fp16, [1, 1, 64, 64]> z = matmul(x = m, y = m, transpose_y = bool(true));`
    writeFileSync(file('inner.mil'), program(weight, 'z'))
    const run = () => ane(['mil', 'check', 'inner.mil', '--target', 'm1', '--fix', 'fixed/inner.mil'], shop.folder)
    mkdirSync(file('fixed'))
    const first = await run()
    expect(first.out).toMatch(/fixed\/inner\.mil: wrote 1 weight file/)
    const zeros = file('fixed/weights/zeros_fp16_1_1_64_24.bin')
    expect(existsSync(zeros)).toBe(true)
    expect((await run()).out).toMatch(/weight files unchanged/)
    writeFileSync(zeros, 'other')
    expect(await run()).toMatchObject({ status: 2, err: expect.stringContaining('Expected no other file at') })
  })

  it('never writes over the program it reads or a weight file, however they are spelled', async () => {
    mkdirSync(file('kept/weights'), { recursive: true })
    const values = new Float32Array(4096).fill(0.5)
    const { program: weighted, blobs } = buildProgram({ name: 'main' }, (b) => {
      const w = b.constant('fp16', [1, 64, 1, 64], values, { name: 'w', path: '@model_path/weights/w.bin' })
      b.output(b.add({ x: b.silu({ x: b.input('a', 'fp16', [1, 64, 1, 64]) }), y: w }), 'z')
    })
    const [text, bytes] = [print(weighted), blobs.get('@model_path/weights/w.bin')!]
    writeFileSync(file('kept/in.mil'), text)
    writeFileSync(file('kept/weights/w.bin'), bytes)
    symlinkSync('in.mil', file('kept/link.mil'))
    linkSync(file('kept/in.mil'), file('kept/hard.mil'))
    const places = ['in.mil', 'link.mil', 'hard.mil', './weights/../in.mil', 'weights/w.bin', '../kept/in.mil']
    for (const place of [...places.map((name) => `kept/${name}`), file('kept/in.mil')]) {
      const { status, err } = await ane(
        ['mil', 'check', 'kept/in.mil', '--target', 'm4', '--fix', place, '--json'],
        shop.folder,
      )
      expect(err).toContain(`which is needed, for --fix, got ${place}.`)
      expect(status).toBe(2)
      expect(readFileSync(file('kept/in.mil'), 'utf8')).toBe(text)
      expect(readFileSync(file('kept/weights/w.bin')).equals(bytes)).toBe(true)
    }
    const written = await ane(
      ['mil', 'check', 'kept/in.mil', '--target', 'm4', '--fix', 'weights/w.bin', '--weights', 'kept'],
      shop.folder,
    )
    expect(written).toMatchObject({ status: 2, err: expect.stringContaining('existing folder for --fix') })
    mkdirSync(file('weights'))
    const moved = ['mil', 'check', 'kept/in.mil', '--target', 'm4', '--weights', 'kept', '--fix']
    expect((await ane([...moved, 'weights'], shop.folder)).err).toContain('got the folder weights.')
    expect((await ane([...moved, 'copy.mil'], shop.folder)).status).toBe(0)
    expect(readFileSync(file('weights/w.bin')).equals(bytes)).toBe(true)
  })

  it('pads widths only when asked to, and says how inputs and outputs are laid out then', async () => {
    const narrow = type.replace('1, 64]>', '1, 40]>')
    writeFileSync(file('narrow.mil'), program(`        ${narrow} z = sigmoid(x = a);`, 'z', '1, 64, 1, 40'))
    const fix = ['mil', 'check', 'narrow.mil', '--target', 'm5', '--fix', 'wide.mil']
    const kept = await ane(fix, shop.folder)
    expect(kept.status).toBe(1)
    expect(kept.out).not.toContain('instead of')
    expect(kept.out).toMatch(/error: C-53 .* Fix: .*, or pad\. \(--fix with --pad-widths does\.\)$/m)
    expect(kept.out).not.toContain('lower')
    expect(readFileSync(file('wide.mil'), 'utf8')).toContain('main<ios18>(tensor<fp16, [1, 64, 1, 40]> a)')
    const { status, out } = await ane([...fix, '--pad-widths'], shop.folder)
    expect(status).toBe(0)
    const layout =
      'is [1, 64, 1, 64] instead of [1, 64, 1, 40]: each row has 64 columns, of which the first 40 are the data'
    expect(out).toContain(`wide.mil: input a ${layout} and the others are not read`)
    expect(out).toContain(`wide.mil: output z ${layout} and the others are 0`)
    expect(readFileSync(file('wide.mil'), 'utf8')).toContain('main<ios18>(tensor<fp16, [1, 64, 1, 64]> a)')
    expect((await ane(['mil', 'check', 'narrow.mil', '--target', 'm5', '--pad-widths'], shop.folder)).status).toBe(2)
  })

  it('refuses unknown chips and versions, and flags without a target', async () => {
    expect(await ane(['mil', 'check', 'masked.mil', '--target', 'm7'], shop.folder)).toMatchObject({
      status: 2,
      err: expect.stringContaining('got m7'),
    })
    const os = await ane(['mil', 'check', 'masked.mil', '--target', 'm4', '--os', 'tahoe'], shop.folder)
    expect(os).toMatchObject({ status: 2, err: expect.stringContaining('macOS version') })
    expect((await ane(['mil', 'check', 'masked.mil', '--fix', 'o.mil'], shop.folder)).status).toBe(2)
  })

  it('writes nothing for a program that is wrong itself', async () => {
    writeFileSync(file('wrong.mil'), program(`        ${type} z = relu(x = b);`, 'z').replace('x = b', 'x = a, y = a'))
    const { status, out } = await ane(
      ['mil', 'check', 'wrong.mil', '--target', 'm4', '--fix', 'never.mil'],
      shop.folder,
    )
    expect(status).toBe(1)
    expect(out).toContain('never.mil: not written')
    expect(existsSync(file('never.mil'))).toBe(false)
  })
})
