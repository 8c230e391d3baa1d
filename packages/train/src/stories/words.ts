/** The words of the built-in stories: who, where, what and how it feels. */

export interface Character {
  readonly name: string
  readonly they: string
  readonly them: string
  readonly their: string
}

const people = (names: string, they: string, them: string, their: string): Character[] =>
  names.split(' ').map((name) => ({ name, they, them, their }))

export const children: readonly Character[] = [
  ...people('Lily Mia Anna Sara Emma Rosa Nina Ella Maya Zoe Lucy Ivy Clara Ruby Nora Hana', 'she', 'her', 'her'),
  ...people('Tom Ben Max Sam Leo Tim Jack Omar Finn Noah Paul Eli Oscar Hugo Kai Adam', 'he', 'him', 'his'),
]

/** Animals that talk; they are called by what they are. */
export const animals: readonly string[] =
  'fox rabbit bear mole mouse frog duck cat dog pony squirrel hedgehog turtle lamb goat robin'.split(' ')

export const places: readonly string[] = [
  'in the park',
  'in the garden',
  'by the river',
  'at the beach',
  'in the forest',
  'on the farm',
  'near the old mill',
  'on the hill',
  'by the lake',
  'behind the house',
  'at the market',
  'under the big tree',
]

/** Things one can hold, lose, want and share. */
export const things: readonly string[] =
  'ball kite book drum hat boat bell cup lamp doll scarf basket whistle puzzle wagon shell balloon blanket'.split(' ')

export const colors: readonly string[] = 'red blue green yellow purple brown white silver'.split(' ')

export const foods: readonly string[] =
  'apples berries soup bread pancakes cookies carrots pears honey nuts cheese cake'.split(' ')

export const weathers: readonly string[] = ['sunny', 'windy', 'rainy', 'cold', 'warm', 'foggy', 'snowy', 'quiet']

export const traits: readonly string[] =
  'kind brave shy curious clever little gentle cheerful careful funny quiet busy'.split(' ')

export const feelings: readonly string[] = ['happy', 'proud', 'glad', 'calm', 'thankful']

export const worries: readonly string[] = ['sad', 'worried', 'afraid', 'lonely', 'upset', 'tired']

export const helpers: readonly string[] = [
  'mom',
  'dad',
  'grandma',
  'grandpa',
  'teacher',
  'neighbor',
  'sister',
  'brother',
]
