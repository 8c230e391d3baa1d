import { limitRules } from '@ane/mil'
import { expect, it } from 'vitest'
import { limitsDocument } from './limits-document.js'

it('docs/ane-limits.md is the table of limits as it is', async () => {
  const text = limitsDocument()
  for (const { id } of limitRules) expect(text).toContain(`| ${id} | `)
  await expect(text).toMatchFileSnapshot('../docs/ane-limits.md')
})
