import { Random } from '../random.js'
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
 * The same seed gives the same story; there are far more than 10^5 different ones.
 *
 * @param seed any integer
 */
export function story(seed: number): string {
  const random = new Random(seed)
  // Nearby seeds start from nearby states; the first number carries that, so it is left out.
  random.next()
  const moments = random.pick(compiled)
  const slots = cast(random)
  return moments.map((moment) => fill(random.pick(moment), slots)).join(' ')
}

/** Stories number `from`, `from + 1`, … of a seed; endless. */
export function* stories(seed: number, from = 0): Generator<string, never> {
  for (let index = from; ; index++) yield story(Math.imul(seed, 0x9e3779b1) + index)
}

function cast(random: Random): Record<string, string> {
  const hero = random.pick(children)
  let friend = random.pick(children)
  while (friend === hero) friend = random.pick(children)
  const animal = random.pick(animals)
  let other = random.pick(animals)
  while (other === animal) other = random.pick(animals)
  const thing = random.pick(things)
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
    thing,
    color: random.pick(colors),
    place: random.pick(places),
    food: random.pick(foods),
    weather: random.pick(weathers),
    trait: random.pick(traits),
    feeling: random.pick(feelings),
    worry: random.pick(worries),
    helper: random.pick(helpers),
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
