/**
 * The first key that occurs twice in one object of a JSON text, with its place; `JSON.parse` would keep the last silently.
 *
 * `text` must be valid JSON.
 */
export function duplicateKey(text: string): { key: string; index: number } | undefined {
  const scopes: (Set<string> | undefined)[] = []
  let index = 0
  while (index < text.length) {
    const character = text[index]
    if (character === '"') {
      const start = index++
      while (text[index] !== '"') index += text[index] === '\\' ? 2 : 1
      index++
      let next = index
      while (next < text.length && ' \t\r\n'.includes(text[next])) next++
      const keys = scopes.at(-1)
      if (text[next] === ':' && keys !== undefined) {
        const key = JSON.parse(text.slice(start, index)) as string
        if (keys.has(key)) return { key, index: start }
        keys.add(key)
      }
      continue
    }
    if (character === '{') scopes.push(new Set())
    else if (character === '[') scopes.push(undefined)
    else if (character === '}' || character === ']') scopes.pop()
    index++
  }
  return undefined
}
