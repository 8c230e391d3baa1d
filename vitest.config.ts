import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const packages = ['mil', 'runtime', 'models', 'optim', 'tokenizer', 'telemetry', 'train']
const source = (name: string) => fileURLToPath(new URL(`./packages/${name}/src/index.ts`, import.meta.url))

export default defineConfig({
  resolve: { alias: Object.fromEntries(packages.map((name) => [`@ane/${name}`, source(name)])) },
  test: {
    include: ['packages/**/*.test.ts', 'apps/**/*.test.ts', 'native/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
