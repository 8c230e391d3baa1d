/** Horizontal bars as an SVG file; readable without anything else. */

export interface Bar {
  readonly label: string
  readonly value: number
  /** Drawn in another colour, with the word in the legend. */
  readonly group: string
}

const COLOURS = ['#2563eb', '#9ca3af', '#d97706', '#059669']
const [ROW, CHARACTER, PLOT, MARGIN] = [22, 6.8, 420, 20]

/** Bars in the order given; values must be finite and not negative. */
export function barChart(title: string, unit: string, bars: readonly Bar[]): string {
  const groups = [...new Set(bars.map(({ group }) => group))]
  const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE)
  const top = 64
  const labels = Math.ceil(CHARACTER * Math.max(...bars.map(({ label }) => label.length), 24)) + 8
  const [width, height] = [labels + PLOT + 90 + 2 * MARGIN, top + bars.length * ROW + MARGIN]
  const colour = (group: string) => COLOURS[groups.indexOf(group) % COLOURS.length]
  const legend = groups.map(
    (group, i) =>
      `<rect x="${MARGIN + i * 160}" y="38" width="12" height="12" fill="${colour(group)}"/><text x="${MARGIN + 18 + i * 160}" y="48">${escaped(group)}</text>`,
  )
  const rows = bars.map(({ label, value, group }, i) => {
    const y = top + i * ROW
    const length = ((PLOT * value) / most).toFixed(1)
    return `<text x="${MARGIN + labels - 8}" y="${y + 15}" text-anchor="end">${escaped(label)}</text><rect x="${MARGIN + labels}" y="${y + 3}" width="${length}" height="${ROW - 6}" fill="${colour(group)}"/><text x="${(MARGIN + labels + 6 + Number(length)).toFixed(1)}" y="${y + 15}">${Number(value.toPrecision(4))} ${escaped(unit)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">
<title>${escaped(title)}</title>
<rect width="${width}" height="${height}" fill="white"/>
<text x="${MARGIN}" y="24" font-size="15">${escaped(title)}</text>
${[...legend, ...rows].join('\n')}
</svg>
`
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => entities[character])
