import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stories } from '@ane/train'

/** The built command. */
export const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))

export interface Outcome {
  /** Exit status; `null` when a signal ended the process. */
  readonly status: number | null
  readonly out: string
  readonly err: string
}

/** Starts the built command as a user would, in `cwd`. */
export function start(args: readonly string[], cwd: string, env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, [main, ...args], { cwd, env: { ...process.env, NO_COLOR: '1', ...env } })
}

/** Waits for a started command. */
export function finished(child: ChildProcess): Promise<Outcome> {
  let [out, err] = ['', '']
  child.stdout?.on('data', (text) => (out += text))
  child.stderr?.on('data', (text) => (err += text))
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, out, err })))
}

/** Runs the built command to its end. */
export const ane = (args: readonly string[], cwd: string, env?: Record<string, string>): Promise<Outcome> =>
  finished(start(args, cwd, env))

/** A folder with a small text and a tiny model configuration; `remove` when done. */
export function workshop(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'ane-cli-'))
  const all = stories(3)
  const text = Array.from({ length: 400 }, () => all.next().value).join('\n\n')
  writeFileSync(join(folder, 'text.txt'), text)
  const config = {
    model_type: 'llama',
    hidden_size: 32,
    intermediate_size: 48,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    vocab_size: 300,
    max_position_embeddings: 64,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
  }
  writeFileSync(join(folder, 'model.json'), JSON.stringify(config))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Flags of a quick run on the workshop's text and model. */
export const quick = (outputDir: string, ...more: string[]): string[] => [
  'train',
  ...['--data', 'text.txt', '--model', 'model.json', '--vocab-size', '300', '--seq-len', '32', '--batch-size', '2'],
  ...['--eval-steps', '5', '--eval-windows', '2', '--save-steps', '5', '--output-dir', outputDir, ...more],
]
