// The arrows of docs/architecture.md: who may import whom.
const layers = {
  mil: [],
  optim: [],
  tokenizer: [],
  telemetry: [],
  runtime: ['mil'],
  models: ['mil', 'runtime'],
  train: ['mil', 'runtime', 'models', 'optim', 'tokenizer', 'telemetry'],
}

const rules = Object.entries(layers).map(([name, allowed]) => {
  const others = Object.keys(layers).filter((other) => other !== name && !allowed.includes(other))
  return {
    name: `${name}-imports`,
    severity: 'error',
    comment: `@ane/${name} may import ${allowed.length > 0 ? allowed.map((other) => `@ane/${other}`).join(', ') : 'no other @ane package'}.`,
    from: { path: `^packages/${name}/src`, pathNot: '\\.test\\.ts$' },
    to: { path: `^(packages/(${others.join('|')})/|apps/)|^@ane/(${others.join('|')})$` },
  }
})

module.exports = {
  forbidden: [
    ...rules,
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'core-without-dependencies',
      severity: 'error',
      comment: 'mil, optim, tokenizer and telemetry install with no runtime dependencies.',
      from: { path: '^packages/(mil|optim|tokenizer|telemetry)/src', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'sample-on-public-exports',
      severity: 'error',
      from: { path: '^apps/sample' },
      to: { path: '^packages/[^/]+/src/(?!index\\.ts)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|build)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
}
