import type { Arm, FireOutcome } from '../core/index.ts'

// What a Worker prints is what `wrangler tail` and the dashboard show. Nothing secret is ever a field.

export function tell(
  says: string,
  { agentId, jobId, fireAt, fireAtMs, tries }: Arm,
  outcome: FireOutcome | null,
): void {
  const status = outcome?.status ?? outcome?.error ?? 'none'
  const lateMs = Date.now() - fireAtMs
  const line = { says, agent: agentId, job: jobId, fire_at: fireAt, try: tries, status, late_ms: lateMs }
  console.log(JSON.stringify(line))
}

export function failed(error: unknown): void {
  console.error(error)
}
