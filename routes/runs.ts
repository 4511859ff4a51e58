import type { ListedRun } from '../db/index.ts'
import { filledAction } from '../src/actions/index.ts'
import { allows } from '../src/access/keys/index.ts'
import { outcomeGroups } from '../src/columns/index.ts'
import { AppError } from '../src/ground/errors.ts'
import { notFound } from '../src/ground/not-found.ts'
import { callerOf, projectOf } from './access.ts'
import type { Input, On } from './api.ts'
import { withoutCredentials } from './credentials.ts'
import { cursorFor, readCursor } from './cursor.ts'
import { instantIn } from './instant.ts'
import { answerStarted, lookAt } from './jobs.ts'
import type { RouteNeeds } from './needs.ts'
import { runBody } from './shapes.ts'

type Wish = Pick<Input<'GET /api/runs'>['query'], 'status' | 'tag' | 'since' | 'until' | 'limit' | 'cursor'>

export function runRoutes(on: On, needs: RouteNeeds): void {
  async function list(
    project: string | null,
    jobId: string | null,
    { status, tag, limit = 100, cursor, ...times }: Wish,
  ) {
    const lists = await needs.lists()
    const page = { after: readCursor('runs', cursor), limit }
    const states = (status?.split(',') ?? []).flatMap(
      (word) => outcomeGroups[word as keyof typeof outcomeGroups] ?? [word as ListedRun['state']],
    )
    const [since, until] = [instantIn(times.since), instantIn(times.until)]
    const { items, next } = await lists.runs({ project, jobId, states, tag: tag ?? null, since, until }, page)
    return { runs: items.map(runBody), next_cursor: cursorFor('runs', next) }
  }

  async function runOf(id: string): Promise<ListedRun> {
    const lists = await needs.lists()
    const run = await lists.run(id)
    if (run) return run
    throw notFound('run', id)
  }

  on('GET /api/jobs/{id}/runs', async ({ params, query }) => {
    await lookAt(needs, params.id)
    return list(null, params.id, query)
  })

  on('GET /api/runs', async ({ query: { job, ...wish } }, request) =>
    list(projectOf(request), job ?? null, wish),
  )

  on('GET /api/runs/{id}', async ({ params }) => ({ run: runBody(await runOf(params.id)) }))

  on('GET /api/runs/{id}/request', async ({ params }, request) => {
    const run = await runOf(params.id)
    const { authored } = await lookAt(needs, run.jobId)
    const { action, prompt } = await filledAction(authored, run)
    const showsAll = allows(callerOf(request)?.scopes ?? [], 'jobs:write')
    const isChanged = authored.updatedAt > (run.startedAt ?? run.claimedAt)
    return {
      action: showsAll ? action : withoutCredentials(action),
      prompt,
      job_changed_at: isChanged ? authored.updatedAt.toISOString() : null,
    }
  })

  on('POST /api/runs/{id}/cancel', async ({ params }, _request, reply) => {
    await needs.jobs.cancelRun(params.id.toLowerCase())
    reply.code(202)
    return { run: runBody(await runOf(params.id)) }
  })

  on('POST /api/runs/{id}/retry', async ({ params }, request, reply) => {
    const { id, jobId, state, finishedAt, input } = await runOf(params.id)
    if (!finishedAt) {
      const detail = `Run ${id} is ${state}. Wait until it has finished, or cancel it first.`
      throw new AppError('RUN_STATE_CONFLICT', detail)
    }
    return answerStarted(
      needs,
      await needs.jobs.runNow(jobId, { input, trigger: 'retry', startedBy: callerOf(request)?.id ?? null }),
      request,
      reply,
    )
  })
}
