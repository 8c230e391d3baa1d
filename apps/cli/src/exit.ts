/** What the exit status says, as `ane --help` documents it. */
export const exitCode = { done: 0, failed: 1, usage: 2, device: 3, interrupted: 130 } as const

/** A wrong flag, argument or configuration value: exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const deviceCodes = /^(ADDON_|ANE_UNAVAILABLE)/

/** The exit status of a failure: arguments 2, device and install problems 3, everything else 1. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCode.usage
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code === 'string' && deviceCodes.test(code)) return exitCode.device
  return exitCode.failed
}

/**
 * Runs `check` and turns the argument errors of the libraries (`TypeError`, `RangeError`) into usage errors, for values that
 * came from the command line.
 */
export async function asUsage<T>(check: () => T | Promise<T>): Promise<T> {
  try {
    return await check()
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) throw new UsageError(error.message, { cause: error })
    throw error
  }
}
