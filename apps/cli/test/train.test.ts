import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ane, finished, quick, start, workshop } from './ane.js'

/** Twenty steps long enough to be interrupted in. */
const slow = ['--max-steps', '20', '--gradient-accumulation-steps', '60']

let shop: ReturnType<typeof workshop>
beforeAll(() => {
  shop = workshop()
})
afterAll(() => shop.remove())

const file = (...parts: string[]) => join(shop.folder, ...parts)
const model = (run: string, step: number) => readFileSync(file(run, `checkpoint-${step}`, 'model.safetensors'))
const metrics = (run: string) =>
  readFileSync(file(run, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
const losses = (run: string) =>
  metrics(run)
    .filter(({ type }) => type === 'step')
    .map((event) => [event.step, event['train/loss']])

describe('ane train', () => {
  it('says what it will do, learns, samples, and leaves a run that other commands read', async () => {
    const { status, out, err } = await ane(quick('first', '--max-steps', '20', '--learning-rate', '3e-3'), shop.folder)
    expect(err).toBe('')
    expect(status).toBe(0)
    for (const word of [
      'device',
      'math',
      'parameters',
      'tokens',
      'memory',
      'validation loss',
      'ETA',
      'Sample',
      'Next',
      'first',
    ])
      expect(out).toContain(word)
    const steps = losses('first')
    expect(steps).toHaveLength(20)
    expect(steps[19][1]).toBeLessThan(steps[0][1] - 0.5)
    const folder = readdirSync(file('first', 'checkpoint-20'))
    for (const name of [
      'config.json',
      'model.safetensors',
      'generation_config.json',
      'tokenizer.json',
      'optimizer.safetensors',
      'trainer_state.json',
    ])
      expect(folder).toContain(name)
    expect(existsSync(file('first', 'best', 'model.safetensors'))).toBe(true)

    const sampled = await ane(['sample', 'first', '--prompt', 'Once', '--max-tokens', '8', '--json'], shop.folder)
    expect(sampled.status).toBe(0)
    expect(JSON.parse(sampled.out).text).toMatch(/^Once/)
    expect(JSON.parse(sampled.out).tokens).toBe(8)
    const again = await ane(['sample', 'first', '--prompt', 'Once', '--max-tokens', '8', '--json'], shop.folder)
    expect(JSON.parse(again.out).text).toBe(JSON.parse(sampled.out).text)

    const told = await ane(['info', 'first', '--json'], shop.folder)
    expect(JSON.parse(told.out)).toMatchObject({ step: '20', config: { hidden_size: 32 } })
  })

  it('limits classifier and loss to the tokens of the text with --compact-vocabulary, and resumes so', async () => {
    const flags = ['--compact-vocabulary', '--lr-scheduler', 'constant', '--warmup-steps', '0', '--save-steps', '2']
    const { status, out } = await ane(quick('compact', '--max-steps', '4', ...flags), shop.folder)
    expect(status).toBe(0)
    const [, vocabulary, used] = /vocabulary (\d+) \((\d+) of them in the text\)/.exec(out)!
    expect(Number(used)).toBeLessThan(Number(vocabulary))
    await ane(quick('uncompacted', '--max-steps', '2', ...flags.slice(1)), shop.folder)
    expect(losses('compact')[0][1]).toBeLessThan(losses('uncompacted')[0][1])

    await ane(quick('halves', '--max-steps', '2', ...flags), shop.folder)
    expect((await ane(['train', '--resume', 'halves', '--max-steps', '4'], shop.folder)).status).toBe(0)
    expect(model('halves', 4)).toEqual(model('compact', 4))

    const { suppress_tokens: suppressed } = JSON.parse(
      readFileSync(file('halves', 'checkpoint-4', 'generation_config.json'), 'utf8'),
    )
    expect(suppressed).toHaveLength(Number(vocabulary) - Number(used))
  })

  it('prints nothing but JSON lines with --json, the same events as the metrics file', async () => {
    const { status, out } = await ane(quick('json', '--max-steps', '3', '--json'), shop.folder)
    expect(status).toBe(0)
    const events = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(events).toEqual(metrics('json'))
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['start', 'step', 'eval', 'checkpoint', 'end']),
    )
  })

  it('gives the same weights bit for bit when killed, resumed, and run on another number of threads', async () => {
    await ane(quick('whole', ...slow, '--threads', '1'), shop.folder)
    const child = start(quick('killed', ...slow, '--threads', '2', '--json'), shop.folder)
    for await (const text of child.stdout!) if (/"step":1[1-9],/.test(String(text))) break
    child.kill('SIGKILL')
    await once(child, 'close')
    const resumed = await ane(['train', '--resume', 'killed'], shop.folder)
    expect(resumed.err).toBe('')
    expect(resumed.status).toBe(0)
    expect(resumed.out).toContain('Resuming at step 10')
    expect(model('killed', 20).equals(model('whole', 20))).toBe(true)
    expect(losses('killed')).toEqual(losses('whole'))
  })

  it('saves on Ctrl-C, exits with 130, and continues as if nothing had happened', async () => {
    const child = start(quick('stopped', ...slow, '--json'), shop.folder)
    const end = finished(child)
    await new Promise<void>((resolve) =>
      child.stdout!.on('data', (text) => /"step":7,/.test(String(text)) && resolve()),
    )
    child.kill('SIGINT')
    expect((await end).status).toBe(130)
    expect((await ane(['train', '--resume', 'stopped'], shop.folder)).status).toBe(0)
    expect(model('stopped', 20).equals(model('whole', 20))).toBe(true)
  })

  it('refuses a second run into a folder, whether finished or under way', async () => {
    const before = readFileSync(file('first', 'metrics.jsonl'))
    const finishedRun = await ane(quick('first'), shop.folder)
    expect(finishedRun.status).toBe(1)
    expect(finishedRun.err).toContain('--resume')
    expect(readFileSync(file('first', 'metrics.jsonl')).equals(before)).toBe(true)

    const running = start(quick('busy', '--max-steps', '100000', '--json'), shop.folder)
    await once(running.stdout!, 'data')
    const second = await ane(['train', '--resume', 'busy'], shop.folder)
    running.kill('SIGKILL')
    expect(second.status).toBe(1)
    expect(second.err).toMatch(/in use by process|Expected a checkpoint/)
  })

  it('starts from a checkpoint, keeping its shape and tokenizer', async () => {
    const { status, out } = await ane(
      [
        'train',
        '--init',
        'first',
        '--data',
        'text.txt',
        '--max-steps',
        '2',
        '--seq-len',
        '16',
        '--output-dir',
        'tuned',
      ],
      shop.folder,
    )
    expect(status).toBe(0)
    expect(out).toContain('hidden 32')
  })

  it('reads settings from a YAML file, flags winning, and names a wrong key', async () => {
    writeFileSync(file('run.yaml'), 'data: text.txt\nmodel: model.json\nmax_steps: 9\nseq_len: 16\nvocab_size: 300\n')
    const { status } = await ane(['train', '--config', 'run.yaml', '--steps', '2', '--output-dir', 'yaml'], shop.folder)
    expect(status).toBe(0)
    expect(losses('yaml')).toHaveLength(2)
    writeFileSync(file('bad.yaml'), 'max_stepz: 9\n')
    const bad = await ane(['train', '--config', 'bad.yaml'], shop.folder)
    expect(bad).toMatchObject({ status: 2 })
    expect(bad.err).toContain('Did you mean max_steps?')
  })

  it('trains on shards that ane data made', async () => {
    const made = await ane(['data', 'text.txt', '--out', 'shards', '--vocab-size', '300', '--json'], shop.folder)
    expect(JSON.parse(made.out)).toMatchObject({ out: 'shards', vocab_size: 300 })
    const { status } = await ane(
      [
        'train',
        '--data',
        'shards',
        '--model',
        'model.json',
        '--max-steps',
        '2',
        '--seq-len',
        '16',
        '--output-dir',
        'on-shards',
      ],
      shop.folder,
    )
    expect(status).toBe(0)
  })

  it('trains with every weight binding and program length to nearly the same losses', async () => {
    const finals: number[] = []
    for (const [binding, layers] of [
      ['inputs', 'all'],
      ['packed', 'half'],
      ['packed', '1'],
      ['baked', 'half'],
    ]) {
      const run = `${binding}-${layers}`
      const { status, err } = await ane(
        quick(run, '--max-steps', '4', '--weights', binding, '--layers-per-program', layers),
        shop.folder,
      )
      expect(err).toBe('')
      expect(status).toBe(0)
      finals.push(losses(run)[3][1])
    }
    for (const loss of finals) expect(Math.abs(loss - finals[0])).toBeLessThan(2e-3)
  })
})

describe('ane train --no-ane-extras', () => {
  it('keeps norms and residual additions on the host, and remembers it when resumed', async () => {
    const flags = ['--no-ane-extras', '--device', 'ane-sim', '--layers-per-program', 'half']
    const { status, err } = await ane(quick('host', '--max-steps', '2', ...flags), shop.folder)
    expect(err).toBe('')
    expect(status).toBe(0)
    const { options } = JSON.parse(readFileSync(file('host', 'run.json'), 'utf8'))
    expect(options.ane_extras).toBe(false)
    const resumed = await ane(['train', '--resume', 'host', '--max-steps', '3'], shop.folder)
    expect(resumed.status).toBe(0)
    expect(JSON.parse(readFileSync(file('host', 'run.json'), 'utf8')).options.ane_extras).toBe(false)
  })
})

describe('ane train with bad input', () => {
  it.each([
    [['--max-stepz', '3'], 2, /Did you mean --max-steps/],
    [['--model', 'stories15'], 2, /Did you mean stories15m/],
    [['--learning-rate', 'fast'], 2, /a number of at least 0 for --learning-rate, got "fast"/],
    [['--seq-len', '100'], 2, /at most 64 .*--seq-len, got 100/],
    [['--steps', '3', '--max-steps', '4'], 2, /got both/],
    [
      ['--batch-size', '1000000000'],
      2,
      /fits into .* of memory, got one of about .*: .*activations .* Use --batch-size \d+\./,
    ],
    [['--threads', '0'], 2, /--threads, got "0"/],
    [['--weights', 'glued'], 2, /packed, inputs, baked/],
    [['--host-ops', 'gelu'], 2, /rmsnorm, residual, .* for --host-ops, got gelu/],
    [['--host-ops', 'rmsnorm', '--layers-per-program', '2'], 2, /half with --host-ops rmsnorm, got 2/],
    [['--host-ops', 'residual', '--no-ane-extras'], 2, /got both/],
    [['--data', 'missing.txt'], 2, /missing\.txt, which does not exist/],
    [['--init', 'missing'], 2, /missing, which does not exist/],
    [['--tokenizer', 'model.json'], 1, /model\.json/],
  ])('%j ends with status %i and a message', async (flags, status, message) => {
    const base = flags.includes('--model') ? ['--data', 'text.txt'] : ['--data', 'text.txt', '--model', 'model.json']
    const folder = `bad-${Math.random()}`
    const given = flags[0] === '--data' ? base.slice(2) : base
    const outcome = await ane(['train', ...given, '--output-dir', folder, ...flags], shop.folder)
    expect(outcome.err).toMatch(message)
    expect(outcome.status).toBe(status)
    expect(existsSync(file(folder, 'run.json'))).toBe(false)
  })

  it('says that a text is empty or too short, and how much it takes', async () => {
    writeFileSync(file('empty.txt'), '')
    writeFileSync(file('short.txt'), 'Hello there.')
    const base = ['--model', 'model.json', '--vocab-size', '300', '--seq-len', '32']
    const empty = await ane(['train', '--data', 'empty.txt', ...base, '--output-dir', 'e1'], shop.folder)
    expect(empty).toMatchObject({ status: 1 })
    expect(empty.err).toContain('empty.txt')
    const short = await ane(['train', '--data', 'short.txt', ...base, '--output-dir', 'e2'], shop.folder)
    expect(short).toMatchObject({ status: 1 })
    expect(short.err).toMatch(/at least 66 tokens/)
  })

  it('refuses a model whose heads do not divide', async () => {
    const config = JSON.parse(readFileSync(file('model.json'), 'utf8'))
    writeFileSync(file('odd.json'), JSON.stringify({ ...config, num_attention_heads: 3, num_key_value_heads: 2 }))
    const outcome = await ane(
      ['train', '--model', 'odd.json', '--data', 'text.txt', '--output-dir', 'odd'],
      shop.folder,
    )
    expect(outcome).toMatchObject({ status: 2 })
    expect(outcome.err).toMatch(/multiple of num_key_value_heads/)
  })

  it('cannot be led into a place it cannot write', async () => {
    writeFileSync(file('a-file'), '')
    const outcome = await ane(quick('a-file/run'), shop.folder)
    expect(outcome.status).toBe(1)
    expect(outcome.err).toMatch(/a-file/)
    mkdirSync(file('full'))
    writeFileSync(file('full', 'notes.txt'), 'mine')
    const full = await ane(quick('full'), shop.folder)
    expect(full.status).toBe(1)
    expect(readdirSync(file('full'))).toEqual(['notes.txt'])
  })
})
