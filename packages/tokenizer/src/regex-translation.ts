/**
 * Translates a pattern of a `tokenizer.json` (Oniguruma syntax) into a JavaScript one with the flags `gu`.
 *
 * Covered: `(?i:…)`, `\A`, `\z`, `\Z`, line anchors, `\h`, possessive and atomic groups, and `\s \S \d \D \w \W` with
 * their Unicode meaning, which differs from JavaScript's.
 *
 * @throws {SyntaxError} for constructs without a counterpart, such as `\G` and class intersections
 */
export function translatePattern(pattern: string): RegExp {
  let source = ''
  let at = 0
  let atomic = 0
  const folds: boolean[] = [false]
  const closers: string[] = []
  const fold = () => folds[folds.length - 1]
  while (at < pattern.length) {
    const character = String.fromCodePoint(pattern.codePointAt(at)!)
    if (character === '\\') {
      const [text, length] = escaped(pattern, at, false)
      source += text
      at += length
    } else if (character === '[') {
      const [text, length] = characterClass(pattern, at, fold())
      source += text
      at += length
    } else if (character === '(') {
      const head = /^\((?:\?(?:[:=!>]|<[=!]|[a-z]*(?:-[a-z]+)?[:)]))?/.exec(pattern.slice(at, at + 16))?.[0] ?? '('
      const flags = /^\(\?([a-z]*)(?:-([a-z]+))?[:)]$/.exec(head)
      if (/^\(\?/.test(pattern.slice(at)) && head === '(') throw new SyntaxError(`Unsupported group at ${at}`)
      if (flags && (/[^i]/.test(flags[1]) || /[^i]/.test(flags[2] ?? '')))
        throw new SyntaxError(`Unsupported flag at ${at}`)
      const inner = flags ? (flags[1].includes('i') ? true : flags[2]?.includes('i') ? false : fold()) : fold()
      at += head.length
      if (flags && head.endsWith(')')) {
        folds[folds.length - 1] = inner
        continue
      }
      folds.push(inner)
      if (head === '(?>') {
        // A lookahead never gives back what it matched; the reference then consumes it.
        atomic++
        source += `(?:(?=(?<atomic${atomic}>`
        closers.push(`))\\k<atomic${atomic}>)`)
      } else {
        source += flags || head === '(' ? '(?:' : head
        closers.push(')')
      }
    } else if (character === ')') {
      folds.pop()
      source += closers.pop() ?? ')'
      at++
    } else if (character === '^' || character === '$') {
      source += character === '^' ? '(?<![^\\n])' : '(?![^\\n])'
      at++
    } else if (/[*+?}]/.test(character) && pattern[at + 1] === '+') {
      throw new SyntaxError(`Unsupported possessive quantifier at ${at}`)
    } else {
      source += fold() ? folded(character) : character === '/' ? '\\/' : character
      at += character.length
    }
  }
  return new RegExp(source, 'gu')
}

const CLASSES: Record<string, string> = {
  s: '\\p{White_Space}',
  S: '\\P{White_Space}',
  d: '\\p{Nd}',
  D: '\\P{Nd}',
  h: '0-9a-fA-F',
  w: '\\p{L}\\p{M}\\p{N}\\p{Pc}',
}

/** Translates the escape at `at`; gives the text and the length of the original. */
function escaped(pattern: string, at: number, inClass: boolean): [string, number] {
  const letter = pattern[at + 1]
  if (letter === undefined) throw new SyntaxError('Unfinished escape')
  if (letter === 'p' || letter === 'P') {
    const property = /^\\[pP]\{(\^?)([\w=]+)\}/.exec(pattern.slice(at))
    if (!property) throw new SyntaxError(`Unsupported property at ${at}`)
    const negative = (letter === 'P') !== (property[1] === '^')
    return [`\\${negative ? 'P' : 'p'}{${propertyName(property[2])}}`, property[0].length]
  }
  if (letter === 'x' || letter === 'u') {
    const code = /^\\(?:x\{([0-9a-fA-F]+)\}|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4}))/.exec(pattern.slice(at))
    if (!code) throw new SyntaxError(`Unsupported escape at ${at}`)
    return [`\\u{${code[1] ?? code[2] ?? code[3]}}`, code[0].length]
  }
  const characters = CLASSES[letter]
  if (characters) return [!inClass && (letter === 'h' || letter === 'w') ? `[${characters}]` : characters, 2]
  if (letter === 'W' && !inClass) return [`[^${CLASSES.w}]`, 2]
  if (letter === 'A' && !inClass) return ['(?<![\\s\\S])', 2]
  if (letter === 'z' && !inClass) return ['(?![\\s\\S])', 2]
  if (letter === 'Z' && !inClass) return ['(?=\\n?(?![\\s\\S]))', 2]
  if (/[nrtfv]/.test(letter) || (letter === 'b' && !inClass)) return [`\\${letter}`, 2]
  if (/[a-zA-Z0-9]/.test(letter)) throw new SyntaxError(`Unsupported escape \\${letter} at ${at}`)
  return [literal(letter), 2]
}

/** Translates the class that opens at `at`; gives the text and the length of the original. */
function characterClass(pattern: string, at: number, fold: boolean): [string, number] {
  let end = at + 1
  let source = '['
  if (pattern[end] === '^') source += pattern[end++]
  for (let first = true; ; first = false) {
    if (end >= pattern.length) throw new SyntaxError('Unfinished class')
    const character = String.fromCodePoint(pattern.codePointAt(end)!)
    if (character === ']' && !first) return [`${source}]`, end + 1 - at]
    if (character === '[' || pattern.startsWith('&&', end)) throw new SyntaxError(`Unsupported nested class at ${end}`)
    if (character === '\\') {
      const [text, length] = escaped(pattern, end, true)
      source += text
      end += length
    } else {
      const range = /^([a-zA-Z])-([a-zA-Z])/.exec(pattern.slice(end, end + 3))
      if (fold && range) {
        source += `${range[0]}${range[0].toLowerCase()}${range[0].toUpperCase()}`
        end += 3
      } else {
        source += character === '-' ? '-' : fold ? variants(character).map(literal).join('') : literal(character)
        end += character.length
      }
    }
  }
}

function literal(character: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(character) ? `\\${character === '-' ? 'u002d' : character}` : character
}

/** The characters that equal `character` when case is ignored, by Unicode simple folding. */
function variants(character: string): string[] {
  const all = new Set([character, character.toLowerCase(), character.toUpperCase()])
  if (all.has('s')) all.add('\u017f')
  if (all.has('k')) all.add('\u212a')
  return [...all].filter((text) => [...text].length === 1)
}

function folded(character: string): string {
  const all = variants(character)
  return all.length === 1 ? (character === '/' ? '\\/' : character) : `[${all.join('')}]`
}

function propertyName(name: string): string {
  const scripts = /^(Han|Hiragana|Katakana|Hangul|Latin|Greek|Cyrillic|Arabic|Hebrew|Thai|Devanagari)$/
  if (scripts.test(name)) return `Script=${name}`
  return name === 'Alpha' ? 'Alphabetic' : name === 'Space' ? 'White_Space' : name
}
