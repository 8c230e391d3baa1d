import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KernelCase, kernelCases, Memory } from '../test/kernel-cases.js'
import { relativeError } from '../test/tensors.js'
import { loadAddon } from './cpu/addon.js'
import { type Device, openDevice } from './index.js'
import { kernels } from './reference/kernels/index.js'

/** Everything the kernel could touch, after it ran once. */
function execute(device: Device, { kernel, operands }: KernelCase, surfaces: boolean): Float64Array[] {
  const memory = new Memory(surfaces ? device : undefined)
  device.createSchedule().kernel(kernel, operands(memory)).executeSync()
  return memory.contents()
}

describe('host kernels', () => {
  let reference: Device
  let one: Device
  let two: Device | undefined
  beforeAll(async () => {
    reference = await openDevice('reference')
    one = await openDevice('cpu', { threads: 1 })
    if (loadAddon().processor().availableCores > 1) two = await openDevice('cpu', { threads: 2 })
  })
  afterAll(() => {
    for (const device of [reference, one, two]) device?.dispose()
  })

  it('have the same names on every device', () => {
    expect(loadAddon().hostKernelNames().sort()).toEqual(Object.keys(kernels).sort())
    expect(new Set(kernelCases.map((kernelCase) => kernelCase.kernel))).toEqual(new Set(Object.keys(kernels)))
  })

  it.each(Object.keys(kernels))('%s computes what the reference computes, whatever the layout', (name) => {
    for (const kernelCase of kernelCases.filter(({ kernel }) => kernel === name)) {
      for (const surfaces of [false, true]) {
        const expected = execute(reference, kernelCase, surfaces)
        const actual = execute(one, kernelCase, surfaces)
        for (const [i, values] of expected.entries()) {
          const error = relativeError(actual[i], values)
          expect(error, `${kernelCase.title}, operand ${i}`).toBeLessThanOrEqual(kernelCase.tolerance)
        }
      }
    }
  })

  it('give the same bits on one thread and on two', ({ skip }) => {
    if (!two) return skip('needs two cores')
    for (const kernelCase of kernelCases) {
      const expected = execute(one, kernelCase, false)
      const actual = execute(two, kernelCase, false)
      for (const [i, values] of expected.entries()) {
        expect(Buffer.from(actual[i].buffer).equals(Buffer.from(values.buffer)), kernelCase.title).toBe(true)
      }
    }
  })

  describe.each(['reference', 'cpu'] as const)('on %s', (kind) => {
    const device = () => (kind === 'cpu' ? one : reference)
    const run = (kernel: string, operands: (memory: Memory) => ReturnType<KernelCase['operands']>) =>
      execute(device(), { title: kernel, kernel, tolerance: 0, operands }, true)

    it('row_squares and grad_norm pass NaN and infinity through and are zero for zeros alone', () => {
      const norm = (values: number[]) => {
        const square = (m: Memory) => ({
          in: m.matrix('fp32', values.length, 1, { values }),
          squares: m.matrix('fp64', 1, values.length),
        })
        const squares = [...run('row_squares', square)[1].slice(0, values.length)]
        return run('grad_norm', (m) => ({
          squares: [m.matrix('fp64', 1, values.length, { values: squares })],
          out: m.matrix('fp64', 1, 1),
        }))[1][0]
      }
      expect(norm([1, Number.NaN])).toBeNaN()
      expect(norm([1, Number.NEGATIVE_INFINITY])).toBe(Number.POSITIVE_INFINITY)
      expect(norm([0, -0, 0])).toBe(0)
      expect(norm([0, 1e-45])).toBe(2 ** -149)
      expect(norm([3e38, 3e38])).toBeCloseTo(Math.SQRT2 * Math.fround(3e38), -30)
    })

    it('classifier_loss survives large logits, ignores negative targets and shows impossible ones', () => {
      // One channel that is 1 in every column: the table is the logits.
      const loss = (logits: number[], targets: number[]) => {
        const of = run('classifier_loss', (m) => ({
          in: m.matrix('fp32', 1, targets.length, { values: targets.map(() => 1) }),
          table: m.matrix('fp32', logits.length, 1, { values: logits }),
          targets: m.matrix('int32', 1, targets.length, { values: targets }),
          loss: m.matrix('fp64', 1, 2),
          scale: m.matrix('fp64', 1, 1, { values: [2] }),
          logits: m.matrix('fp32', targets.length, 2),
          din: m.matrix('fp32', 1, targets.length),
          dtable: m.matrix('fp32', logits.length, 1),
          accumulate: 0,
        }))
        return { loss: [...of[3].slice(0, 2)], dtable: [...of[7].slice(0, logits.length)] }
      }
      const large = loss([1e4, 0, -1e4], [0, -1])
      expect(large.loss).toEqual([0, 1])
      expect(large.dtable.map(Math.abs)).toEqual([0, 0, 0])
      expect(loss([1, 2], [-1])).toEqual({ loss: [0, 0], dtable: [0, 0] })
      expect(loss([1, 2], [2])).toEqual({ loss: [Number.NaN, 1], dtable: [Number.NaN, Number.NaN] })
    })

    it('embedding and gather_rows give NaN for ids outside the table, their gradients skip them', () => {
      const [, , out] = run('embedding', (m) => ({
        tokens: m.matrix('int32', 1, 3, { values: [0, 2, -1] }),
        table: m.matrix('fp32', 2, 1, { values: [1, 2] }),
        out: m.matrix('fp16', 1, 3),
      }))
      expect([...out.slice(0, 3)]).toEqual([1, Number.NaN, Number.NaN])
      const [, , table] = run('scatter_add_rows', (m) => ({
        ids: m.matrix('int32', 1, 3, { values: [1, 5, 2 ** 31 - 1] }),
        in: m.matrix('fp32', 3, 1, { values: [1, 2, 3] }),
        table: m.matrix('fp32', 2, 1, { values: [0, 0] }),
      }))
      expect([...table.slice(0, 2)]).toEqual([0, 1])
    })

    it('copy rounds to nearest even, keeps NaN and turns overflow into infinity', () => {
      const values = [65519, 65520, -1e9, Number.NaN, 2049, 2051, 2 ** -25, 3 * 2 ** -25]
      const [, out] = run('copy', (m) => ({
        in: m.matrix('fp32', 1, 8, { values }),
        out: m.matrix('fp16', 1, 8),
      }))
      const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN]
      expect([...out.slice(0, 8)]).toEqual([65504, inf, -inf, nan, 2048, 2052, 0, 2 ** -23])
    })

    it('gemm over no inner dimension gives zeros, or leaves an accumulator alone', () => {
      for (const accumulate of [0, 1]) {
        const [, , out] = run('gemm', (m) => ({
          a: m.matrix('fp32', 2, 0),
          b: m.matrix('fp32', 0, 2),
          out: m.matrix('fp32', 2, 2, { values: [1, 2, 3, 4] }),
          accumulate,
        }))
        expect([...out.slice(0, 4)]).toEqual(accumulate ? [1, 2, 3, 4] : [0, 0, 0, 0])
      }
    })
  })
})
