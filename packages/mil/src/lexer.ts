import { FormatError } from './format-error.js'

/** What a token is; punctuation (`->` included) is its own kind. */
export type TokenKind = 'identifier' | 'integer' | 'float' | 'string' | 'punctuation' | 'end'

const MAX_CHARACTERS = 1 << 28
const SPACE = /[ \t\r\n]+/y
const COMMENT = /\/\/[^\n]*/y
const IDENTIFIER = /[A-Za-z_][A-Za-z0-9_@]*/y
const NUMBER = /-?(?:0[xX][0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?[pP][+-]?[0-9]+|[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)/y
const NEGATIVE_SPECIAL = /-(?:inf|nan)\b/y
const INTEGER = /^-?[0-9]+$/
const PUNCTUATION = '()[]{}<>,;=?'

/** A cursor over the tokens of a program text; `kind`, `text`, `line` and `column` describe the current one. */
export class Lexer {
  kind: TokenKind = 'end'
  /** The token as spelled; of a string its value with `\"` and `\\` resolved. */
  text = ''
  line = 1
  column = 1
  readonly #source: string
  readonly #path: string | undefined
  #position = 0
  #line = 1
  #lineStart = 0

  /** @throws {FormatError} if the text is too long or does not begin with a token */
  constructor(source: string, path?: string) {
    this.#source = source
    this.#path = path
    if (source.length > MAX_CHARACTERS) {
      throw new FormatError(`Expected at most ${MAX_CHARACTERS} characters of program text, got ${source.length}.`, {
        path,
      })
    }
    if (source.startsWith('\ufeff')) this.#position = 1
    this.next()
  }

  /** Moves to the next token. @throws {FormatError} where no token begins */
  next(): void {
    this.#skip()
    this.line = this.#line
    this.column = this.#position - this.#lineStart + 1
    const source = this.#source
    if (this.#position >= source.length) {
      this.#take('end', '')
      return
    }
    const first = source[this.#position]
    if (first === '"') {
      this.#string()
      return
    }
    const arrow = source.startsWith('->', this.#position) ? '->' : undefined
    const punctuation = PUNCTUATION.includes(first) ? first : arrow
    if (punctuation) {
      this.#take('punctuation', punctuation)
      return
    }
    const identifier = this.#match(IDENTIFIER)
    if (identifier !== undefined) {
      this.#take('identifier', identifier)
      return
    }
    const number = this.#match(NUMBER) ?? this.#match(NEGATIVE_SPECIAL)
    if (number !== undefined) {
      this.#take(INTEGER.test(number) ? 'integer' : 'float', number)
      return
    }
    this.text = String.fromCodePoint(source.codePointAt(this.#position)!)
    throw this.error(`Expected a token, got ${JSON.stringify(this.text)}.`)
  }

  /** Tells whether the current token is this punctuation. */
  at(punctuation: string): boolean {
    return this.kind === 'punctuation' && this.text === punctuation
  }

  /** Moves past this punctuation if it is the current token. */
  skip(punctuation: string): boolean {
    const found = this.at(punctuation)
    if (found) this.next()
    return found
  }

  /** Moves past this punctuation. @throws {FormatError} if the current token is another */
  expect(punctuation: string, after: string): void {
    if (!this.skip(punctuation)) throw this.unexpected(`'${punctuation}'`, after)
  }

  /** Moves past an identifier and returns it. @throws {FormatError} if the current token is none */
  identifier(name: string): string {
    if (this.kind !== 'identifier') throw this.unexpected('an identifier', name)
    const { text } = this
    this.next()
    return text
  }

  /** Makes the error for a current token that does not belong here. */
  unexpected(what: string, name: string): FormatError {
    return this.error(`Expected ${what} for ${name}, got ${this.#described()}.`)
  }

  /** Makes an error at the current token, or at another position. */
  error(message: string, { line, column } = { line: this.line, column: this.column }): FormatError {
    return new FormatError(message, { path: this.#path, line, column })
  }

  #described(): string {
    if (this.kind === 'end') return 'the end of the text'
    const text = this.text.length > 40 ? `${this.text.slice(0, 40)}…` : this.text
    return this.kind === 'string' ? JSON.stringify(text) : `'${text}'`
  }

  #skip(): void {
    for (let skipped: string | undefined; (skipped = this.#match(SPACE) ?? this.#match(COMMENT)); ) {
      this.#advance(skipped)
    }
  }

  #string(): void {
    const source = this.#source
    let end = this.#position + 1
    while (end < source.length && source[end] !== '"') end += source[end] === '\\' ? 2 : 1
    if (end >= source.length) throw this.error(`Expected '"' at the end of a string, got the end of the text.`)
    const value = source.slice(this.#position + 1, end)
    this.kind = 'string'
    this.text = value.includes('\\') ? value.replace(/\\(["\\])/g, '$1') : value
    this.#advance(source.slice(this.#position, end + 1))
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position
    return pattern.exec(this.#source)?.[0]
  }

  #take(kind: TokenKind, text: string): void {
    this.kind = kind
    this.text = text
    this.#position += text.length
  }

  #advance(text: string): void {
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
      this.#line++
      this.#lineStart = this.#position + at + 1
    }
    this.#position += text.length
  }
}
