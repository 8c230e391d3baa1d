import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main, workshop } from './ane.js'

/** Kibibytes; Node starts with it, and a step of the model takes more. */
const LIMIT = 4_000_000

describe.runIf(process.platform === 'linux')('a limit on address space', () => {
  let shop: ReturnType<typeof workshop>
  beforeAll(() => {
    shop = workshop()
  })
  afterAll(() => shop.remove())

  it('is named before a step that does not fit is allocated', () => {
    const args = ['train', '--data', 'text.txt', '--vocab-size', '300', '--model', 'qwen3-0.6b', '--max-steps', '1']
    const limited = ['-c', `ulimit -v ${LIMIT} && exec "$@"`, 'sh', process.execPath, main, ...args]
    const { status, stderr } = spawnSync('sh', limited, { cwd: shop.folder, encoding: 'utf8' })
    expect(stderr).toMatch(
      /^error: Expected a training step that fits into [\d.]+ \w+ of memory, what the limit on address space \(ulimit -v\) leaves, got one of about [\d.]+ GiB: moments /m,
    )
    expect(status).toBe(2)
  })
})
