import { deviceRowsFor, dtypeRow, mathRow, threadsRow } from './device-options.js'
import type { OptionRow } from './table.js'

const work = 'Work'
const output = 'Output'

const model = (fallback: string): OptionRow => ({
  name: 'model',
  type: 'string',
  value: 'preset',
  group: work,
  help: 'model shape (ane info lists them)',
  fallback,
})

const count = (name: string, fallback: number, help: string): OptionRow => ({
  name,
  type: 'integer',
  group: work,
  help,
  least: 1,
  fallback,
})

const seqLen = (fallback: number) => count('seqLen', fallback, 'tokens per sequence')
const batchSize = count('batchSize', 1, 'sequences per step')
const rounds = count('rounds', 7, 'timed rounds')

const json: OptionRow = {
  name: 'json',
  type: 'boolean',
  group: output,
  help: 'print one JSON object with the raw samples',
}

const results: readonly OptionRow[] = [
  json,
  {
    name: 'save',
    type: 'string',
    value: 'file',
    group: output,
    help: 'write the JSON object to a file, as a baseline for --compare',
  },
  {
    name: 'compare',
    type: 'string',
    value: 'file',
    group: output,
    help: 'compare with a baseline saved on this machine; warns of what is more than 10% slower',
  },
]

const engine = [mathRow, threadsRow]
const dtypeHere = { ...dtypeRow, fallback: 'fp16' }

/** The settings of every benchmark, by its name on the command line. */
export const benchOptions = {
  step: [
    model('stories110m'),
    seqLen(256),
    batchSize,
    count('steps', 7, 'timed steps'),
    {
      name: 'data',
      type: 'string',
      value: 'shards',
      group: work,
      help: 'read batches from shards made by ane data (default: made-up tokens)',
    },
    {
      name: 'compactVocabulary',
      type: 'integer',
      value: 'n|text',
      words: ['text'],
      least: 1,
      group: work,
      help: 'limit classifier and loss to the tokens of --data, or to the first n, which are then the only ones made up',
    },
    { name: 'scaling', type: 'boolean', group: work, help: 'time the step on 1, 2, … threads' },
    ...deviceRowsFor('auto'),
    ...engine,
    dtypeHere,
    {
      name: 'weights',
      type: 'string',
      value: 'binding',
      words: ['packed', 'inputs'],
      group: 'Device',
      help: 'packed or inputs (default: packed on a Neural Engine, else inputs)',
    },
    {
      name: 'layersPerProgram',
      type: 'integer',
      value: 'half|n|all',
      words: ['half', 'all'],
      least: 1,
      group: 'Device',
      help: 'layers compiled into one program',
      fallback: 1,
    },
    ...results,
  ],
  gemm: [model('stories110m'), seqLen(256), rounds, ...engine, ...results],
  decode: [
    model('stories110m'),
    count('rounds', 7, 'timed tokens'),
    {
      name: 'prefill',
      type: 'integer',
      least: 1,
      group: work,
      help: 'also time a forward pass over n tokens, up to the last one’s logits',
    },
    ...engine,
    ...results,
  ],
  optim: [model('stories110m'), rounds, ...engine, ...results],
  peak: [rounds, threadsRow, ...results],
  memory: [
    model('stories110m'),
    seqLen(256),
    batchSize,
    count('steps', 2, 'training steps'),
    ...engine,
    dtypeHere,
    ...results,
  ],
  pipelines: [
    model('stories260k'),
    seqLen(64),
    batchSize,
    count('steps', 5, 'timed steps'),
    {
      name: 'chips',
      type: 'string',
      value: 'names',
      group: work,
      help: 'chips to model, e.g. m1-pro,m4; none for none',
      fallback: 'm1-pro,m4,m5-max',
    },
    ...deviceRowsFor('cpu'),
    threadsRow,
    json,
  ],
} satisfies Record<string, readonly OptionRow[]>

/** Where results go. */
export interface OutputFlags {
  readonly json?: boolean
  readonly save?: string
  readonly compare?: string
}
