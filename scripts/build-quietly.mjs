// Builds what changed, through turbo's cache, saying nothing unless it fails or takes long.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { delimiter, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** turbo looks for pnpm by name, which is on no path when pnpm was started by its full path. */
function searchPath() {
  const { npm_execpath: pnpm, PATH } = process.env
  return pnpm ? `${dirname(pnpm)}${delimiter}${PATH}` : PATH
}

/** Resolves to turbo's exit status; `targets` are package names, all packages when empty. */
export function build(targets = []) {
  const turbo = createRequire(import.meta.url).resolve('turbo/bin/turbo')
  const filters = targets.map((name) => `--filter=${name}`)
  const child = spawn(
    process.execPath,
    [turbo, 'run', 'build', '--output-logs=errors-only', '--log-prefix=none', ...filters],
    {
      cwd: root,
      env: { ...process.env, PATH: searchPath(), TURBO_TELEMETRY_DISABLED: '1', TURBO_NO_UPDATE_NOTIFIER: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text))
  const notice = setTimeout(() => process.stderr.write('Building (only needed after changes) …\n'), 1500)
  return new Promise((resolve) => {
    child.on('close', (status) => {
      clearTimeout(notice)
      if (status !== 0) process.stderr.write(output)
      resolve(status ?? 1)
    })
  })
}
