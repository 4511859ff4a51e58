import { ruleOf } from '../db/index.ts'
import { AppError } from '../src/ground/errors.ts'
import type { TryEvent } from '../src/run/tries.ts'
import { projectToUse } from './access.ts'
import type { On } from './api.ts'
import { translated, withScheduleText } from './clients.ts'
import { answerEvents } from './events.ts'
import { checkTemplates, newJob } from './jobs.ts'
import type { RouteNeeds } from './needs.ts'

/** One attempt of a job that is not stored, told as it happens. */
export function tryRoutes(on: On, needs: RouteNeeds): void {
  on('POST /api/tries', async ({ body: given }, request, reply) => {
    // before anything is waited for: it is said one time
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    const plain = await withScheduleText(given, needs.now())
    const { body, model, wish } = translated(plain, { isNew: true })
    await checkTemplates(body, needs.config.prompt)
    const project = projectToUse(request)
    const made = await needs.jobs.draft(newJob(body, model), wish, project)
    await refuseIfPaused(project)
    const { timeoutMs } = ruleOf({ ...made, version: 1 }).policy
    const { id, name, action, prompt, skills } = made
    const tries = await needs.tries()
    const events = tries.begin({ id, project, name, action, prompt, skills, timeoutMs }, gone.signal)
    return answerEvents(reply, events, { title: 'a try', written })
  })

  /** A pause is for all that begins. @throws AppError PROJECT_PAUSED */
  async function refuseIfPaused(project: string): Promise<void> {
    const [found] = await needs.projects.list(project)
    if (!found?.pause) return
    throw new AppError('PROJECT_PAUSED', 'The project, or the whole service, is paused. Resume it first.')
  }
}

function written(event: TryEvent): { id?: string; event: string; data: object } | null {
  if (event.type === 'beat') return null
  if (event.type === 'log') {
    const { type, end, ...data } = event
    return { id: `${data.attempt}.${end}`, event: type, data }
  }
  const { type, durationMs, skippedReason = null, error = null, output = null, usage = null, state } = event
  const data = { state, duration_ms: durationMs, error, output, usage, skipped_reason: skippedReason }
  return { event: type, data }
}
