import { existsSync, rmSync } from 'node:fs'
import { formatCount } from '@ane/telemetry'
import { loadTokenizer } from '@ane/tokenizer'
import { prepareData } from '@ane/train'
import { UsageError } from '../exit.js'
import { print, printFacts, printJson } from '../terminal/output.js'

interface DataFlags {
  out: string
  tokenizer?: string
  vocabSize?: number
  json?: boolean
}

/** `ane data`: text to token shards with the tokenizer beside them. */
export async function data(text: string, flags: DataFlags): Promise<void> {
  if (!existsSync(text)) throw new UsageError(`Expected a text file or folder, got ${text}, which does not exist.`)
  if (existsSync(flags.out)) throw new UsageError(`Expected a new folder for --out, got the existing ${flags.out}.`)
  if (flags.tokenizer !== undefined && flags.vocabSize !== undefined)
    throw new UsageError('Expected --tokenizer or --vocab-size, got both.')
  const given = flags.tokenizer === undefined ? undefined : await loadTokenizer(flags.tokenizer)
  const start = performance.now()
  try {
    const { tokens, tokenizer } = await prepareData({
      data: text,
      tokenizer: given,
      vocabSize: flags.vocabSize,
      seed: 0,
      folder: flags.out,
    })
    tokens.close()
    const facts = {
      out: flags.out,
      tokens: tokens.length,
      vocab_size: tokenizer.vocabSize,
      ms: performance.now() - start,
    }
    if (flags.json) {
      printJson(facts)
      return
    }
    printFacts([
      ['shards', flags.out],
      ['tokens', `${formatCount(tokens.length)} (${tokens.length})`],
      ['vocabulary', `${tokenizer.vocabSize}, ${tokenizer.kind}`],
    ])
    print(`\nNext: pnpm ane train --data ${flags.out}`)
  } catch (error) {
    rmSync(flags.out, { recursive: true, force: true })
    throw error
  }
}
