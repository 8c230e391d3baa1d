export async function benchGemm(_flags: unknown): Promise<void> {
  throw new Error('under construction')
}
