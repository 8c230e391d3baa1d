import { describe, expect, it } from 'vitest'
import { stories, story } from './index.js'
import { plots } from './plots.js'

describe('built-in stories', () => {
  it('are the same for the same seed and differ between seeds', () => {
    expect(story(7, 0)).toBe(story(7, 0))
    expect(story(7, 0)).not.toBe(story(7, 1))
    const first = stories(1)
    const second = stories(2)
    expect(first.next().value).not.toBe(second.next().value)
  })

  it('number at least a hundred thousand distinct ones', () => {
    const seen = new Set<string>()
    const all = stories(3)
    for (let i = 0; i < 101_000; i++) seen.add(all.next().value)
    expect(seen.size).toBeGreaterThan(100_000)
  })

  it('fill every slot and read as sentences', () => {
    for (let number = 0; number < 2000; number++) {
      const text = story(1, number)
      expect(text).not.toMatch(/undefined|[{}]| {2}/)
      expect(text).toMatch(/^[A-Z].*[.!"]$/)
      expect(text).not.toMatch(/\ba [aeiou]/)
    }
  })

  it('use every plot', () => {
    expect(plots.length).toBeGreaterThanOrEqual(5)
    const openings = new Set(Array.from({ length: 3000 }, (_, number) => story(1, number).split('. ')[2]?.slice(0, 12)))
    expect(openings.size).toBeGreaterThan(50)
  })

  it('continue at any index, so that data can be made in pieces', () => {
    const whole = stories(5)
    whole.next()
    expect(stories(5, 1).next().value).toBe(whole.next().value)
  })
})
