import { defineConfig } from 'tsup'

/** ESM and CommonJS with types for each, the one build shape every published package here has. */
export const library = (entry: string[] = ['src/index.ts']) =>
  defineConfig({
    entry,
    format: ['esm', 'cjs'],
    dts: true,
    sourcemap: true,
    clean: true,
    target: 'node20',
    shims: true,
  })
