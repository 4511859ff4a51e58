/**
 * The error of an outcome that Postgres refuses to keep, instead of the outcome itself. Without it the outcome
 * would be lost with the lease, and the work done again, with the same answer and the same refusal.
 */
export function unstorable(what: string, state: string, sqlState: string): { code: string; message: string } {
  const message = `${what} ended as ${state}, but Postgres refused to store its outcome (SQLSTATE ${sqlState}). The log has the details.`
  return { code: 'OUTCOME_UNSTORABLE', message }
}
