import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (file: string) => readFileSync(path.join(root, file), 'utf8')
const inside = (folder: string, name = '') =>
  readdirSync(path.join(root, folder))
    .map((entry) => path.join(folder, entry, name))
    .filter((file) => file.endsWith('.md') && existsSync(path.join(root, file)))

const readmes = ['README.md', 'native/README.md', ...inside('packages', 'README.md'), ...inside('apps', 'README.md')]
const documents = [...readmes, 'CONTRIBUTING.md', ...inside('docs')]

/** The `ts` code blocks as modules beside their README, padded so that lines have the README's numbers. */
function modulesOf(readme: string): Map<string, string> {
  const text = read(readme)
  const modules = new Map<string, string>()
  for (const { 1: code, index } of text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)) {
    const line = text.slice(0, index).split('\n').length
    modules.set(path.join(root, `${readme}:${line}.ts`), `${'\n'.repeat(line)}${code}\nexport {}\n`)
  }
  return modules
}

/** What the compiler says about modules that exist in memory only, under the repository's own options. */
function diagnose(modules: ReadonlyMap<string, string>): string[] {
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
  const host = ts.createCompilerHost(options)
  const { readFile, fileExists, getSourceFile } = host
  host.readFile = (file) => modules.get(path.normalize(file)) ?? readFile(file)
  host.fileExists = (file) => modules.has(path.normalize(file)) || fileExists(file)
  host.getSourceFile = (file, ...rest) => {
    const text = modules.get(path.normalize(file))
    return text === undefined ? getSourceFile(file, ...rest) : ts.createSourceFile(file, text, rest[0])
  }
  const program = ts.createProgram([...modules.keys()], options, host)
  return [...modules.keys()].flatMap((file) => {
    const source = program.getSourceFile(file)
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ messageText, start = 0 }) => {
        const { line } = source!.getLineAndCharacterOfPosition(start)
        const message = ts.flattenDiagnosticMessageText(messageText, ' ')
        return `${path.relative(root, file).replace(/:\d+\.ts$/, '')}:${line + 1}: ${message}`
      },
    )
  })
}

describe('the documentation', () => {
  it('has only examples that compile against the sources', () => {
    const modules = new Map(readmes.flatMap((readme) => [...modulesOf(readme)]))
    expect(modules.size).toBeGreaterThan(5)
    expect(diagnose(modules)).toEqual([])
  })

  it('would have a wrong example found', () => {
    const wrong = "import { presets } from '@ane/models'\nawait presets.tiny.dim"
    const [message, ...others] = diagnose(new Map([[path.join(root, 'wrong.ts'), wrong]]))
    expect(message).toMatch(/^wrong\.ts:2: Property 'dim' does not exist on type 'ModelConfig'/)
    expect(others).toEqual([])
  })

  it.each(documents)('%s links to files that exist', (document) => {
    const targets = [...read(document).matchAll(/\]\(([^)\s]+)[^)]*\)/g)].map(([, target]) => target.split('#')[0])
    const missing = targets.filter(
      (target) => target !== '' && !/^[a-z]+:/.test(target) && !existsSync(path.join(root, document, '..', target)),
    )
    expect(missing).toEqual([])
  })
})
