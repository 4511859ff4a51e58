import { jobNamed } from './api.ts'
import type { Context } from './context.ts'

/** The story of a job's last slots and of its wake-up, in sentences. */
export async function explainJob(context: Context, name: string) {
  const api = await context.api()
  const { id } = await jobNamed(api, name)
  const why = await api.call('GET', `/api/jobs/${id}/why`)
  context.show(why, () => `${why.story.join('\n')}\n`)
}
