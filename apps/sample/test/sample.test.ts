import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))

describe('the story writer', () => {
  it('trains on public exports alone and writes a story that begins as asked', async () => {
    const env = { ...process.env, STEPS: '3' }
    const { stdout } = await promisify(execFile)(process.execPath, [main, 'One day, a fox'], { env })
    expect(stdout).toContain('step 3: validation loss')
    expect(stdout).toContain('\nOne day, a fox')
  })
})
