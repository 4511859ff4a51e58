/** Why there is no start, in one sentence for the person who typed the command. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

/** The system's code of an error, such as EACCES. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
