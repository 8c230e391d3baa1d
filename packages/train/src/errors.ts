/** Why a run could not start, continue or end well. */
export type RunErrorCode =
  | 'RUN_LOCKED'
  | 'RUN_EXISTS'
  | 'RUN_NOT_FOUND'
  | 'CHECKPOINT_INVALID'
  | 'DATA_TOO_SMALL'
  | 'VOCABULARY_MISMATCH'
  | 'SAVE_FAILED'
  | 'TOO_MANY_SKIPPED_STEPS'

/** A failure of a run rather than of an argument; `code` is stable. */
export class RunError extends Error {
  override readonly name = 'RunError'
  constructor(
    readonly code: RunErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
