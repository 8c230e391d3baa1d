import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  combineSinks,
  formatBytes,
  formatCount,
  formatDuration,
  JsonlSink,
  MemorySink,
  MovingAverage,
  readJsonl,
  StepTimer,
  type WarningEvent,
} from './index.js'

const warning = (step: number): WarningEvent => ({
  type: 'warning',
  time: '2026-01-01T00:00:00Z',
  step,
  message: `m${step}`,
})
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'telemetry-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('JSONL sink', () => {
  it('writes one object a line and appends to what is there', () => {
    const path = join(folder, 'metrics.jsonl')
    for (const step of [1, 2]) {
      const sink = new JsonlSink(path)
      sink.write(warning(step))
      sink.close()
    }
    expect(
      readFileSync(path, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).step),
    ).toEqual([1, 2])
  })

  it('drops later steps and a torn line when a run resumes', () => {
    const path = join(folder, 'metrics.jsonl')
    writeFileSync(path, [1, 2, 3, 4].map((step) => `${JSON.stringify(warning(step))}\n`).join(''))
    appendFileSync(path, '{"type":"step","st')
    const sink = new JsonlSink(path, { resumeAtStep: 2 })
    sink.write(warning(3))
    sink.close()
    expect(readJsonl(path).map((event) => event.step)).toEqual([1, 2, 3])
  })

  it('starts a new file when there is nothing to resume', () => {
    const sink = new JsonlSink(join(folder, 'new.jsonl'), { resumeAtStep: 5 })
    sink.write(warning(6))
    sink.close()
    expect(readJsonl(join(folder, 'new.jsonl'))).toEqual([warning(6)])
  })

  it('reads past a torn last line but names any other bad line', () => {
    const path = join(folder, 'metrics.jsonl')
    writeFileSync(path, `${JSON.stringify(warning(1))}\n{"type":`)
    expect(readJsonl(path)).toEqual([warning(1)])
    writeFileSync(path, `oops\n${JSON.stringify(warning(1))}\n`)
    expect(() => readJsonl(path)).toThrow(/metrics\.jsonl:1, got oops/)
  })

  it('sends an event to every sink of a combination', async () => {
    const [a, b] = [new MemorySink(), new MemorySink()]
    const both = combineSinks(a, b)
    both.write(warning(1))
    await both.close()
    expect([a.events, b.events]).toEqual([[warning(1)], [warning(1)]])
  })
})

describe('derived metrics', () => {
  it('average without bias towards zero and without values that are not finite', () => {
    const average = new MovingAverage(0.9)
    expect(average.value).toBeNaN()
    expect(average.add(4)).toBeCloseTo(4, 12)
    expect(average.add(Number.NaN)).toBeCloseTo(4, 12)
    const copy = new MovingAverage(0.9)
    copy.load(average.state())
    expect(copy.add(2)).toBe(average.add(2))
  })

  it('estimate the time left from the recent pace, warm-up steps left out', () => {
    const timer = new StepTimer(1)
    timer.add(1000)
    expect(timer.remaining(2)).toBeCloseTo(2000)
    const later = new StepTimer(0)
    later.add(10)
    later.add(10)
    expect(later.remaining(100)).toBeCloseTo(1000)
  })

  it('print durations, counts and bytes the way people read them', () => {
    expect([0, 61_000, 8_100_000, Number.NaN].map(formatDuration)).toEqual(['0:00', '1:01', '2:15:00', '?'])
    expect([0, 999, 1000, 15_200_000, 1.05e9].map(formatCount)).toEqual(['0', '999', '1.00k', '15.2M', '1.05G'])
    expect([0, 1024, 1.75 * 2 ** 30].map(formatBytes)).toEqual(['0 B', '1.00 KiB', '1.75 GiB'])
  })
})
