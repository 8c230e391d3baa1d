import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ane, quick, workshop } from './ane.js'

let shop: ReturnType<typeof workshop>
beforeAll(() => {
  shop = workshop()
})
afterAll(() => shop.remove())

/** Mounts a small file system in memory; only root may. */
function mountSmall(folder: string, options: string): boolean {
  mkdirSync(folder)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const mayMount = process.platform === 'linux' && process.getuid?.() === 0

describe.skipIf(!mayMount)('ane train on difficult disks (needs the right to mount)', () => {
  it('says that the disk is full, keeps the checkpoints it has, and can go on when there is room', async ({ skip }) => {
    const disk = join(shop.folder, 'small')
    if (!mountSmall(disk, 'size=1m')) skip('mounting is not permitted here')
    try {
      const run = join(disk, 'run')
      const { status, err } = await ane(quick(run, '--max-steps', '40', '--save-total-limit', '40'), shop.folder)
      expect(status).toBe(1)
      expect(err).toMatch(/Could not save .*ENOSPC/s)
      const kept = readdirSync(run).filter((name) => name.startsWith('checkpoint-'))
      expect(kept.length).toBeGreaterThan(0)
      expect(readdirSync(run).filter((name) => name.startsWith('.'))).toEqual([])
      execFileSync('mount', ['-o', 'remount,size=16m', disk])
      const resumed = await ane(['train', '--resume', run], shop.folder)
      expect(resumed.err).toBe('')
      expect(resumed.status).toBe(0)
    } finally {
      execFileSync('umount', [disk])
    }
  })

  it('says that the output folder cannot be written', async ({ skip }) => {
    const disk = join(shop.folder, 'read-only')
    if (!mountSmall(disk, 'size=1m,ro')) skip('mounting is not permitted here')
    try {
      const { status, err } = await ane(quick(join(disk, 'run')), shop.folder)
      expect(status).toBe(1)
      expect(err).toMatch(/EROFS|read-only/)
      expect(existsSync(join(disk, 'run'))).toBe(false)
    } finally {
      execFileSync('umount', [disk])
    }
  })
})
