import { Random } from '@ane/models'
import { type Plot, plots } from './plots.js'
import {
  animals,
  children,
  colors,
  feelings,
  foods,
  helpers,
  places,
  things,
  traits,
  weathers,
  worries,
} from './words.js'

/** A template cut at its slots: text, slot, text, slot, …, text. */
type Template = readonly string[]

const compiled: readonly (readonly (readonly Template[])[])[] = plots.map((plot: Plot) =>
  plot.map((moment) => moment.map((template) => template.split(/[{}]/))),
)

/**
 * A short, simple English story made by a seeded grammar: someone, somewhere, wants something, and it turns out well.
 *
 * The same seed and number give the same story; there are far more than 10^5 different ones.
 *
 * @throws {RangeError} if `seed` or `number` is not an integer from 0 to 2^53 − 1
 */
export function story(seed: number, number: number): string {
  const random = new Random(seed, number)
  const pick = <T>(items: readonly T[]): T => items[Math.floor((random.uint32() * items.length) / 2 ** 32)]
  const moments = pick(compiled)
  const slots = cast(pick)
  return moments.map((moment) => fill(pick(moment), slots)).join(' ')
}

/** Stories number `from`, `from + 1`, … of a seed; endless. */
export function* stories(seed: number, from = 0): Generator<string, never> {
  for (let number = from; ; number++) yield story(seed, number)
}

function cast(pick: <T>(items: readonly T[]) => T): Record<string, string> {
  const hero = pick(children)
  let friend = pick(children)
  while (friend === hero) friend = pick(children)
  const animal = pick(animals)
  let other = pick(animals)
  while (other === animal) other = pick(animals)
  return {
    hero: hero.name,
    friend: friend.name,
    they: hero.they,
    them: hero.them,
    their: hero.their,
    They: capital(hero.they),
    Their: capital(hero.their),
    animal,
    other,
    thing: pick(things),
    color: pick(colors),
    place: pick(places),
    food: pick(foods),
    weather: pick(weathers),
    trait: pick(traits),
    feeling: pick(feelings),
    worry: pick(worries),
    helper: pick(helpers),
  }
}

function fill(template: Template, slots: Record<string, string>): string {
  let text = template[0]
  for (let i = 1; i < template.length; i += 2) text += slots[template[i]] + template[i + 1]
  return text
}

function capital(word: string): string {
  return word[0].toUpperCase() + word.slice(1)
}
