/**
 * What can happen in a story. A plot is a list of moments; every moment offers several ways to say it.
 *
 * Slots: {hero} {friend} the names, {They} {they} {them} {Their} {their} of the hero, {animal} {other} two animals,
 * {thing} {color} {place} {food} {weather} {trait} {feeling} {worry} {helper}.
 */
export type Plot = readonly (readonly string[])[]

const openings: readonly string[] = [
  'Once upon a time, there was a {trait} child named {hero}.',
  'One {weather} day, {hero} went to play {place}.',
  '{hero} was a {trait} child who liked to play {place}.',
  'There was once a {trait} child. {Their} name was {hero}.',
  'It was a {weather} morning, and {hero} was {place}.',
]

const endings: readonly string[] = [
  'From that day on, {hero} and {friend} were best friends.',
  '{hero} felt very {feeling}.',
  'They went home together, and everyone was {feeling}.',
  'That night, {hero} fell asleep with a big smile.',
  'And {they} never forgot that {weather} day.',
  '{hero} learned that it is good to be kind.',
  '{hero} learned that friends help each other.',
]

const lost: Plot = [
  openings,
  [
    '{They} had a {thing}. It was {color}, and {they} loved it very much.',
    '{Their} favorite toy was a {color} {thing}.',
  ],
  [
    'But one day, the {thing} was gone!',
    'Then {hero} could not find the {thing}.',
    'But the wind took the {thing} away.',
  ],
  [
    '{hero} was {worry}. {They} looked {place}, but it was not there.',
    '{They} looked and looked. {hero} felt {worry}.',
  ],
  ['A {animal} saw {them} and said, "I can help you."', '"Why are you {worry}?" asked a little {animal}.'],
  [
    'They looked under a bush and behind a rock.',
    'Together they looked high and low.',
    'The {animal} looked up in the tree.',
  ],
  [
    'There was the {color} {thing}! "Thank you!" said {hero}.',
    '"Here it is!" said the {animal}. {hero} jumped with joy.',
  ],
  endings,
]

const sharing: Plot = [
  openings,
  ['{hero} had a basket of {food}.', '{Their} {helper} gave {them} some {food}.', '{They} had {food} for lunch.'],
  [
    '{They} met {friend}, who had nothing to eat.',
    '{friend} sat alone and looked {worry}.',
    '{friend} was very hungry.',
  ],
  [
    '"Do you want some {food}?" asked {hero}.',
    '{hero} said, "We can share my {food}."',
    '"You can have half," said {hero}.',
  ],
  ['{friend} smiled and said, "Thank you, {hero}!"', '{friend} was so {feeling}. "You are very kind," said {friend}.'],
  ['They ate the {food} {place}.', 'They sat down and ate all the {food}.', 'Even a {animal} came and got a bite.'],
  [
    'Then they played with a {color} {thing} until dark.',
    'After that, they played all day.',
    'Then {friend} let {them} play with the {thing}.',
  ],
  endings,
]

const helping: Plot = [
  openings,
  [
    '{They} heard a small voice. It was a {animal}.',
    'There {they} saw a little {animal}.',
    'A {animal} was crying {place}.',
  ],
  [
    '"I am lost," said the {animal}. "I want to go home."',
    '"My foot hurts," said the {animal}.',
    '"I cannot find my mom," said the {animal}.',
  ],
  ['{hero} felt {worry} for the {animal}.', '"Do not be {worry}," said {hero}.', '{hero} wanted to help.'],
  ['{They} asked {their} {helper} what to do.', '{They} ran to get {friend}.', '{They} gave the {animal} some {food}.'],
  [
    'Together they walked a long way.',
    'They put the {animal} in a {color} blanket.',
    'They followed the path to the river.',
  ],
  [
    'At last, the {animal} was safe. "Thank you," it said.',
    'Soon the {animal} was home with its family.',
    'The {animal} gave {them} a {thing} to say thank you.',
  ],
  endings,
]

const making: Plot = [
  openings,
  [
    '{hero} wanted to make a {thing}.',
    '"I want to make a {thing}," said {hero}.',
    '{They} had a big idea: {they} would make a {thing}.',
  ],
  [
    'But it was too hard. The {thing} fell apart.',
    '{They} tried and tried, but it did not work.',
    'At first, the {thing} broke.',
  ],
  ['{hero} was {worry} and wanted to stop.', '"I cannot do it," said {hero}.', '{They} sat down and felt {worry}.'],
  [
    '{Their} {helper} said, "Try one more time."',
    '{friend} came and said, "Let us do it together."',
    '"Go slow," said {their} {helper}.',
  ],
  [
    'So {hero} tried again, step by step.',
    '{They} tried again and did not give up.',
    '{friend} held one side, and {hero} held the other.',
  ],
  [
    'At last, the {thing} was done. It was {color} and pretty.',
    'It worked! The {color} {thing} was perfect.',
    'Now {they} had a new {color} {thing}.',
  ],
  endings,
]

const fear: Plot = [
  openings,
  [
    '{hero} wanted to go {place}, but {they} was {worry}.',
    'There was a loud noise {place}.',
    'It got dark, and {hero} felt {worry}.',
  ],
  ['"What is that?" said {hero}.', '{They} hid behind a tree.', '{They} held the hand of {their} {helper}.'],
  ['{friend} said, "Let us look together."', '"Be brave," said {their} {helper}.', '{hero} took a deep breath.'],
  [
    'They took a {color} lamp and went slowly.',
    'Step by step, they came near.',
    'They walked on the tips of their toes.',
  ],
  [
    'It was only a {animal}! It had a {thing} on its head.',
    'It was only a little {animal} who ate {food}.',
    'There sat a {animal}, and it was {worry} too.',
  ],
  [
    'They all laughed. {hero} was not {worry} any more.',
    '"Hello, {animal}!" said {hero} and laughed.',
    '{hero} gave the {animal} some {food}.',
  ],
  endings,
]

const quarrel: Plot = [
  openings,
  ['{hero} and {friend} saw a {color} {thing} {place}.', 'There was only one {thing}, and it was {color}.'],
  ['"It is mine!" said {friend}.', '"I saw it first!" said {hero}.', 'Both of them wanted the {thing}.'],
  ['They pulled and pulled, and the {thing} fell down.', '{hero} got mad and walked away.', '{friend} began to cry.'],
  [
    'Then {hero} felt {worry}. "I am sorry," {they} said.',
    'A {animal} said, "Why do you not take turns?"',
    '{Their} {helper} said, "You can share it."',
  ],
  ['So they took turns with the {thing}.', '"You go first," said {hero}.', '{friend} said, "I am sorry too."'],
  [
    'They played {place} until it was time to go home.',
    'Then they ate {food} and laughed.',
    'It was more fun to play together.',
  ],
  endings,
]

const race: Plot = [
  [
    'Once upon a time, a {animal} and a {other} lived {place}.',
    'A {trait} {animal} had a friend. The friend was a {other}.',
  ],
  [
    '"I am faster than you," said the {animal}.',
    'One {weather} day, they wanted to have a race.',
    '"Let us race to the big tree," said the {other}.',
  ],
  ['{hero} came to watch and said, "One, two, three, go!"', '{hero} and {friend} came to see the race.'],
  [
    'The {animal} ran very fast. The {other} was slow.',
    'The {other} fell down and felt {worry}.',
    'The {animal} stopped to eat some {food}.',
  ],
  ['Then the {animal} came back to help.', 'But the {other} did not give up.', '"Are you okay?" asked the {animal}.'],
  [
    'They came to the tree at the same time!',
    'They walked to the end together.',
    'In the end, the {other} won the race.',
  ],
  [
    '{hero} gave them both some {food}.',
    'The prize was a {color} {thing}, and they shared it.',
    'All the animals clapped and cheered.',
  ],
  [
    'The {animal} and the {other} were {feeling}.',
    'And they were friends for ever.',
    'The {animal} learned to be kind.',
  ],
]

export const plots: readonly Plot[] = [lost, sharing, helping, making, fear, quarrel, race]
