import { describe, expect, it } from 'vitest'
import type { KernelChoice } from './cpu/addon.js'
import { kernelReports } from './device-report.js'
import { loadAddon } from './index.js'

describe('kernels of the CPU engine', () => {
  const choice = (kernel: string, more: Partial<KernelChoice>): KernelChoice => ({
    ...{ factors: 'int8', kernel, needs: 'AVX-VNNI', runs: true, used: false },
    ...more,
  })

  it('are named with the reason why better ones are not used', () => {
    const choices = [
      choice('avx512', { factors: 'fp32' }),
      choice('avx2', { factors: 'fp32', used: true }),
      choice('avx512_bf16', { factors: 'bf16', runs: false, needs: 'AVX512-BF16' }),
      choice('avx_vnni', { runs: false }),
      choice('avx2', { used: true }),
      choice('portable', {}),
    ]
    expect(kernelReports(choices, 'avx2')).toEqual([
      { factors: 'fp32', kernel: 'avx2', notUsed: ['avx512: ANE_ISA is avx2'] },
      { factors: 'bf16', kernel: null, notUsed: ['avx512_bf16: the processor lacks AVX512-BF16'] },
      { factors: 'int8', kernel: 'avx2', notUsed: ['avx_vnni: the processor lacks AVX-VNNI'] },
    ])
  })

  it('are one of fp32 and one of int8 that the processor runs', () => {
    for (const factors of ['fp32', 'int8']) {
      const used = loadAddon()
        .kernels()
        .filter((kernel) => kernel.factors === factors && kernel.used)
      expect(used).toMatchObject([{ runs: true }])
    }
  })
})
