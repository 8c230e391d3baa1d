import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  isShards,
  loadTokenizer,
  openShards,
  readDocuments,
  type ShardReader,
  type Tokenizer,
  trainBpe,
  writeShards,
} from '@ane/tokenizer'
import { RunError } from './errors.js'
import { stories } from './stories/index.js'
import type { TokenSource } from './token-source.js'

/** The end-of-text token of vocabularies trained here; it begins every document. */
export const END_OF_TEXT = '<|endoftext|>'

/** How many built-in stories a run learns from: about 5 MB of text. */
export const BUILT_IN_STORIES = 12_000

/** Text that a vocabulary is trained on; more changes it little and takes longer. */
const VOCABULARY_CHARACTERS = 4_000_000

export interface DataOptions {
  /** Text file, folder of text, or shard folder; the built-in stories when absent. */
  data?: string
  /** Tokenizer to use; trained on the text when absent. */
  tokenizer?: Tokenizer
  /** Vocabulary of a tokenizer trained on the text; default by the amount of text. */
  vocabSize?: number
  /** Seed of the built-in stories. */
  seed: number
  /** Where shards and tokenizer are written when the data is text. */
  folder: string
}

/** Tokens ready for training; `close` when done. */
export interface PreparedData {
  readonly tokens: TokenSource & { close(): void }
  readonly tokenizer: Tokenizer
  /** For people: where the tokens come from. */
  readonly description: string
}

/**
 * Turns what the user named into tokens: opens shards, or encodes text into shards below `folder` with the tokenizer given or
 * one trained on the text. Shards that an earlier call left in `folder` are opened again, so that a resumed run reads the same
 * tokens.
 *
 * @throws {FormatError} if a file is damaged or holds no text
 * @throws {RunError} if shards were made with another tokenizer than the one given
 */
export async function prepareData(options: DataOptions): Promise<PreparedData> {
  const { data, folder } = options
  if (data !== undefined && isShards(data)) return openPrepared(data, options.tokenizer, `shards in ${data}`)
  const description = data ?? 'built-in stories'
  if (existsSync(folder)) return openPrepared(folder, options.tokenizer, description)
  const documents = () => (data === undefined ? builtInStories(options.seed) : readDocuments(data))
  const tokenizer =
    options.tokenizer ?? (await trainVocabulary(documents(), options.vocabSize ?? defaultVocabSize(data)))
  await writeShards(tokenizer, documents(), { folder, bos: tokenizer.bosId !== undefined })
  return openPrepared(folder, tokenizer, description)
}

function* builtInStories(seed: number): Generator<string> {
  const all = stories(seed)
  for (let i = 0; i < BUILT_IN_STORIES; i++) yield all.next().value
}

/** 1024 for the built-in stories; for other text what its size can teach, up to 4096. */
function defaultVocabSize(data: string | undefined): number {
  if (data === undefined) return 1024
  const bytes = statSync(data).isFile() ? statSync(data).size : Number.POSITIVE_INFINITY
  return bytes < 200_000 ? 512 : bytes < 2_000_000 ? 2048 : 4096
}

async function trainVocabulary(
  documents: Iterable<string> | AsyncIterable<string>,
  vocabSize: number,
): Promise<Tokenizer> {
  async function* sample() {
    let left = VOCABULARY_CHARACTERS
    for await (const text of documents) {
      yield text.slice(0, left)
      left -= text.length
      if (left <= 0) return
    }
  }
  return trainBpe(sample(), { vocabSize, specialTokens: [END_OF_TEXT], bosToken: END_OF_TEXT, eosToken: END_OF_TEXT })
}

async function openPrepared(folder: string, given: Tokenizer | undefined, description: string): Promise<PreparedData> {
  const shards = openShards(folder)
  const beside = existsSync(join(folder, 'tokenizer.json')) ? await loadTokenizer(folder) : undefined
  const tokenizer = given ?? beside
  if (tokenizer === undefined)
    throw new RunError(
      'VOCABULARY_MISMATCH',
      `Expected a tokenizer beside the shards in ${folder}, got none. Name it with --tokenizer.`,
    )
  if (shards.tokenizerChecksum !== undefined && shards.tokenizerChecksum !== tokenizer.checksum())
    throw new RunError(
      'VOCABULARY_MISMATCH',
      `Expected the tokenizer that made the shards in ${folder}, got another. Leave --tokenizer out or encode the text again.`,
    )
  return { tokens: tokensOf(shards), tokenizer, description }
}

function tokensOf(shards: ShardReader): TokenSource & { close(): void } {
  return {
    length: shards.tokens,
    vocabSize: shards.vocabSize,
    read: (start, into) => into.set(shards.read(start, into.length)),
    close: () => shards.close(),
  }
}
