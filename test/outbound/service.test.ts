import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startService } from '../support/service.ts'
import { serve } from './setup.ts'

test('a run whose target is this service, NAS or private ends as TARGET_FORBIDDEN, and is not tried again', async (t) => {
  const service = await startService()
  t.after(() => service.close())
  const { nas, url } = service
  const moved = await serve(t, (_request, response) =>
    response.writeHead(302, { location: 'http://169.254.169.254/latest/' }).end(),
  )
  const targets = [url, nas.url, 'http://169.254.169.254/latest/', 'http://app.internal/', moved.url]
  for (const place of targets) {
    const job = await service.makeJob({ retry: { attempts: 3, delay_ms: 0 } })
    // as one that was saved before such targets were refused
    const { sql } = service.database
    await sql`update jobs set action = ${sql.json({ type: 'http', url: place })} where id = ${job.id}`
    const started = await service.api('POST', `/api/jobs/${job.id}/run`)
    assert.equal(started.status, 202, JSON.stringify(started.body))
    const run = await endOf(started.body.run.id)
    assert.deepEqual([run.state, run.attempts.length], ['failed', 1], place)
    assert.equal(run.attempts[0].error.code, 'TARGET_FORBIDDEN', place)
  }

  async function endOf(runId: string) {
    for (;;) {
      const { body } = await service.api('GET', `/api/runs/${runId}`)
      if (body.run.finished_at !== null) return body.run
      await sleep(10)
    }
  }
})
