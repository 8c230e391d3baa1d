/** Numbers that commands other than train and bench take. */
import { deviceRows } from './device-options.js'
import type { OptionRow } from './table.js'

const work = 'Work'

/** The vocabulary of a tokenizer trained on the text: 256 bytes, the end of text, and pairs. */
export const vocabSizeRow: OptionRow = {
  name: 'vocabSize',
  type: 'integer',
  least: 257,
  group: work,
  help: 'vocabulary of a tokenizer trained on the text',
}

/** How `ane sample` chooses tokens. */
export const samplingRows: readonly OptionRow[] = [
  { name: 'maxTokens', type: 'integer', least: 1, group: work, help: 'tokens to write', fallback: 200 },
  {
    name: 'temperature',
    type: 'number',
    least: 0,
    group: work,
    help: '0 always takes the most likely token',
    fallback: 0.8,
  },
  { name: 'topK', type: 'integer', least: 0, group: work, help: 'choose among the n most likely, 0 all', fallback: 0 },
  {
    name: 'topP',
    type: 'number',
    least: 0,
    most: 1,
    group: work,
    help: 'choose among the most likely tokens that reach this probability together',
    fallback: 0.95,
  },
  { name: 'seed', type: 'integer', least: 0, group: work, help: 'the same seed writes the same text', fallback: 0 },
]

/** What `ane info` estimates for. */
export const estimateRows: readonly OptionRow[] = [
  { name: 'seqLen', type: 'integer', least: 1, group: work, help: 'sequence length of the estimates' },
  { name: 'batchSize', type: 'integer', least: 1, group: work, help: 'batch size of the estimates', fallback: 1 },
]

/** What `ane probe` asks, and whom. */
export const probeRows: readonly OptionRow[] = [
  { name: 'runs', type: 'integer', least: 1, group: work, help: 'timed runs of each program', fallback: 5 },
  ...deviceRows.map((row) =>
    row.name === 'device' ? { ...row, help: 'ane or ane-sim (the simulator)', fallback: 'ane' } : row,
  ),
  {
    name: 'compileLimit',
    type: 'integer',
    least: 0,
    most: 1_000_000,
    group: 'Device',
    help: 'programs a process may compile on ane-sim, 0 any number (default: by the chip)',
  },
]
