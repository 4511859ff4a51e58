import { type Json, type Service, startService } from '../support/service.ts'

/** The time at which a service of these tests stands still. */
const now = '2026-06-18T08:00:00Z'

/** A service as existing clients find it: at a base URL, with a key, and without anything made for them. */
export function startForClients(env: Record<string, string> = {}): Promise<Service> {
  return startService({ clock: now, env })
}

/** The run once it has ended; each look is one answered request, so this takes as long as the run does. */
export async function finished(service: Service, id: string): Promise<Json> {
  for (let looks = 0; looks < 500; looks++) {
    const { run } = (await service.api('GET', `/api/runs/${id}`)).body
    if (run.finished_at) return run
  }
  throw new Error(`run ${id} has not ended`)
}

/** But for what each prompt is warned of here, where no model is. */
export const codesOf = (warnings: Json[] | undefined) =>
  (warnings ?? []).map(({ code }) => code as string).filter((code) => code !== 'PROMPT_NOT_AVAILABLE')

export const idsOf = ({ jobs }: Json) => (jobs as Json[]).map(({ id }) => id as string)
