import { type Checkpoint, generate, loadCheckpoint, type SamplingOptions } from '@ane/models'
import type { Device } from '@ane/runtime'
import { loadTokenizer, type Tokenizer } from '@ane/tokenizer'
import { checkpointOf } from './checkpoint-target.js'
import { UsageError } from './exit.js'
import { type DeviceFlags, openDeviceFor } from './options/device-options.js'

/** Flags that choose how text is generated, as commander gives them. */
export interface SampleFlags extends DeviceFlags {
  prompt: string
  tokenizer?: string
  maxTokens: number
  temperature: number
  topK: number
  topP: number
  seed: number
  dtype?: 'fp16' | 'fp32'
  threads?: number
}

/** A loaded model that writes text. */
export interface Sampler {
  readonly path: string
  readonly deviceSummary: string
  readonly promptTokens: number
  /** Tokens written so far. */
  readonly tokens: number
  /** Pieces of text as they are certain. */
  write(): AsyncGenerator<string>
  dispose(): void
}

/** What writing needs, wherever it comes from. */
export interface Writer {
  readonly device: Device
  readonly model: Pick<Checkpoint, 'config' | 'weights'>
  readonly tokenizer: Tokenizer
  readonly prompt: string
  readonly options: SamplingOptions
  /** Called for every token written. */
  readonly onToken?: () => void
}

/** @throws {UsageError} if a flag makes no sense @throws if the checkpoint or tokenizer cannot be read */
export async function loadSampler(target: string, flags: SampleFlags): Promise<Sampler> {
  const { maxTokens, temperature, topK, topP, seed, dtype } = flags
  const options: SamplingOptions = { maxTokens, temperature, topK, topP, seed, dtype }
  const path = await checkpointOf(target)
  const checkpoint = await loadCheckpoint(path)
  const tokenizerPath = flags.tokenizer ?? checkpoint.tokenizerPath
  if (tokenizerPath === undefined)
    throw new UsageError(`Expected a tokenizer beside ${path}, got none. Name it with --tokenizer.`)
  const tokenizer = await loadTokenizer(tokenizerPath)
  const chosen = { ...options, suppressTokens: checkpoint.suppressTokens }
  const device = await openDeviceFor(flags, { threads: flags.threads })
  const promptIds = encodePrompt(tokenizer, flags.prompt)
  let tokens = 0
  return {
    path,
    deviceSummary: device.description.summary,
    promptTokens: promptIds.length,
    get tokens() {
      return tokens
    },
    write: () =>
      writeText({
        device,
        model: checkpoint,
        tokenizer,
        prompt: flags.prompt,
        options: chosen,
        onToken: () => tokens++,
      }),
    dispose: () => device.dispose(),
  }
}

/** Text continued from the prompt, the prompt included, piece by piece; ends at an end-of-text token. */
export async function* writeText({
  device,
  model,
  tokenizer,
  prompt,
  options,
  onToken,
}: Writer): AsyncGenerator<string> {
  const decoder = tokenizer.decoder()
  const promptIds = encodePrompt(tokenizer, prompt)
  let first = ''
  for (const id of promptIds) if (id !== tokenizer.bosId) first += decoder.push(id)
  if (first !== '') yield first
  const stop = new Set([tokenizer.bosId, tokenizer.eosId].filter((id) => id !== undefined))
  for await (const id of generate(device, model, promptIds, options)) {
    if (stop.has(id)) break
    onToken?.()
    yield decoder.push(id)
  }
  yield decoder.end()
}

function encodePrompt(tokenizer: Tokenizer, prompt: string): number[] {
  const ids = tokenizer.encode(prompt, { bos: tokenizer.bosId !== undefined })
  if (ids.length === 0)
    throw new UsageError('Expected a --prompt for a tokenizer without a beginning-of-text token, got none.')
  return ids
}
