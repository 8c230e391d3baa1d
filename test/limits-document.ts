import { chips, evidenceSources, type LimitRule, limitRules, limitSections } from '@ane/mil'
import { contestedNative, contestedProofs, described } from './limit-contested-proofs.js'
import { limitProofs, nativeProofs } from './limit-proofs.js'

const TITLES: Record<(typeof limitSections)[number], string> = {
  descriptor: 'Text and descriptor',
  operators: 'Operators',
  shapes: 'Shapes, sizes, layout',
  io: 'Inputs and outputs',
  weights: 'Weights',
  compile: 'Compiling and loading',
  numerics: 'Numbers',
  performance: 'Speed',
}

const INTRODUCTION = `# Neural Engine limits

What breaks when a MIL program is compiled and run on the Neural Engine through the private in-memory path. The rows are the
table in \`packages/mil/src/limits/\`; \`test/limits-document.test.ts\` writes this page from it (\`npx vitest run
test/limits-document.test.ts -u\`).

\`ane mil check program.mil --target m4\` names the operator, the line, the row and what to do; \`--fix out.mil\` writes the program
as the chip takes it, and \`--pad-widths\` beside it widens inputs and outputs to multiples of 32 columns. In TypeScript these are
\`checkLimits(program, { chip, os, surfaces })\` and \`lower(program, { chip, os, widths: 'pad' })\`.

None of this was measured by this project, which has no Mac: every row says who reported it and where it was seen. An *error* is
contradicted by nobody, and was reported for the chip's family or concerns what all chips share (then its chips are *all*). Where
reports disagree, or the row is advice, it is a *warning*; where it was reported for other chips only, it is *info* and says so.
Rows with the check \`run\` show only in a running process: they are for the simulator and for people.

*Caught by* names what finds a program that breaks the row, each proven by a test: the *validator*, then the device before its
compiler sees the program (*device*), the compiler (*compile*), an evaluation (*evaluate*), or *numbers* other than the text's, on
the simulated chips of the row. *Noted* there means that a program runs with a finding, or is refused, and is always refused where
the option \`strict\` of \`ane-sim\` names the row. *Bridge* stands for rows that no program breaks through a device: a test of the
simulator itself breaks them. \`test/limit-proofs.ts\` and \`test/limit-contested-proofs.ts\` hold the programs and name those tests.
`

const NOTE = `## Two defects found elsewhere, and why they cannot happen here

**Grouped-query pairing.** One forward kernel repeats the KV heads as a whole, so query head h reads KV head \`h mod K\`, while its
backward pass repeats each one, \`h div (H / K)\`. With 16 query and 8 KV heads the gradients belong to another model. Here the
backward program is derived from the forward one, so it cannot pair differently. \`test/correctness.test.ts\` proves the pairing
itself in both directions: changing the values of one KV head moves the outputs of its own group of query heads and no other,
and a loss that sees one group only has no gradient for another KV head. The gradients also agree with PyTorch
(\`packages/models/test/train-golden.test.ts\`, \`packages/mil/test/grad.golden.test.ts\`) and with finite differences
(\`packages/models/src/training/training-step.test.ts\`).

**Stale weights.** Weights are baked in when a program is compiled (C-93): overwriting their files and loading again changes
nothing, and a trainer that relied on it went on with its first weights, at a loss that looks like slow learning. Here weights
are inputs, lie beside the activations, or are recompiled. \`test/correctness.test.ts\` updates a weight on every device with
every binding it takes: the loss must change, and be the one a model has that was created with the new weights.

## A warning that stays: clipped activations

A model with \`activation_clip\` (\`--activation-clip\`) gets the warning L-01 for \`clip\`, and \`lower\` keeps the operation. Its only
other form, \`minimum\` of \`maximum\`, has less evidence: neither is in the collected kernels nor among the operations of the 45
compiled Core ML models, where \`clip\` occurs 580 times. The simulator runs all three.
`

/** The text of `docs/ane-limits.md`. */
export function limitsDocument(): string {
  const sections = limitSections.map((section) => {
    const rows = limitRules.filter((rule) => rule.section === section).sort(byId)
    const head =
      '| id | limit | symptom | severity | chips | reported by | check | caught by | repair |\n|---|---|---|---|---|---|---|---|---|'
    return `## ${TITLES[section]}\n\n${head}\n${rows.map(row).join('\n')}\n`
  })
  const sources = Object.entries(evidenceSources).map(([code, meaning]) => `| ${code} | ${escaped(meaning)} |`)
  const names = chips.map(({ name, firstOs }) => `\`${name}\` (${firstOs})`).join(', ')
  const targets = `Targets, each with the oldest macOS it takes: ${names}.\n`
  const legend = `## Who reported\n\n| code | source |\n|---|---|\n${sources.join('\n')}\n`
  return [INTRODUCTION, targets, ...sections, legend, NOTE].join('\n')
}

function row(rule: LimitRule): string {
  const { id, severity, symptom, check, checker, evidence, seen, repair, option, fix, os } = rule
  const chipNames = rule.chips === 'all' ? 'all' : rule.chips.join(', ')
  const versions = os
    ? ` (macOS ${[os.from && `from ${os.from}`, os.to && `to ${os.to}`].filter(Boolean).join(' ')})`
    : ''
  const text = [rule.rule, fix && `*${fix}*`].filter(Boolean).join(' ')
  const reports = evidence.contradicted ? `${evidence.sources}; against it: ${evidence.contradicted}` : evidence.sources
  const cells = [
    id,
    text,
    symptom,
    severity,
    `${chipNames}${versions}${seen ? `; ${seen}` : ''}`,
    reports,
    checker ? check : `${check}, no checker`,
    caughtBy(rule),
    [repair ?? (option ? Object.entries(option).map(([name, value]) => `with ${name}: '${value}'`) : '–')]
      .flat()
      .join(', '),
  ]
  return `| ${cells.map(escaped).join(' | ')} |`
}

/** What finds a program that breaks the row. */
function caughtBy({ id, checker }: LimitRule): string {
  const shown = limitProofs.filter((proof) => proof.id === id).map((proof) => proof.shown)
  const noted = contestedProofs
    .filter((proof) => proof.id === id)
    .flatMap((proof) => [`noted at ${proof.shown}`, ...(proof.numbers ? ['numbers'] : [])])
  const bridge = id in nativeProofs || id in contestedNative ? ['bridge'] : []
  const reason = id in described ? [`${checker ? 'not simulated' : 'described only'}: ${described[id]}`] : []
  return [...(checker ? ['validator'] : []), ...new Set([...shown, ...noted]), ...bridge, ...reason].join('; ')
}

const escaped = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')

function byId(a: LimitRule, b: LimitRule): number {
  const number = ({ id }: LimitRule) => (id.startsWith('L') ? 1000 : 0) + Number(/\d+/.exec(id)?.[0])
  return number(a) - number(b)
}
