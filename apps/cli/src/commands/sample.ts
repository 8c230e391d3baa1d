import { loadSampler, type SampleFlags } from '../sampling.js'
import { print, printJson, style } from '../terminal/output.js'

/** `ane sample`: writes text as it is generated. */
export async function sample(target: string, flags: SampleFlags & { json?: boolean }): Promise<void> {
  const sampler = await loadSampler(target, flags)
  try {
    if (!flags.json) print(style('dim', `${sampler.path} on ${sampler.deviceSummary}`))
    let text = ''
    const start = performance.now()
    for await (const piece of sampler.write()) {
      text += piece
      if (!flags.json) process.stdout.write(piece)
    }
    const { tokens, promptTokens } = sampler
    const ms = performance.now() - start
    if (flags.json)
      printJson({ path: sampler.path, prompt: flags.prompt, text, tokens, prompt_tokens: promptTokens, ms })
    else print(`\n${style('dim', `${tokens} tokens, ${((tokens * 1000) / ms).toFixed(1)} tok/s`)}`)
  } finally {
    sampler.dispose()
  }
}
