import assert from 'node:assert/strict'
import { test } from 'node:test'
import { realDelays } from '../../src/ground/delays.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'

test('a service that has been up for a minute prunes after a run, and one that has not does not', async (t) => {
  const service = await startService()
  t.after(() => service.close())
  const { sql } = service.database
  const job = await service.makeJob({ retention: { runs: 1 } })

  async function runOnce(): Promise<void> {
    const { body } = await service.api('POST', `/api/jobs/${job.id}/run`)
    await until('the run has ended', async () => {
      const run = await service.api('GET', `/api/runs/${body.run.id}`)
      return run.body.run.finished_at
    })
  }
  const outputs = async () =>
    (await sql`select output is not null as kept from runs where job_id = ${job.id} order by seq`).map(
      (row) => row['kept'] as boolean,
    )

  await runOnce()
  await runOnce()
  assert.deepEqual(await outputs(), [true, true])
  // what has just ended is left alone
  await sql`
    update runs set seq = seq - 120000000, claimed_at = claimed_at - interval '2 minutes',
      finished_at = finished_at - interval '2 minutes'`

  const now = realDelays.now
  t.mock.method(realDelays, 'now', () => now() + 61_000)
  await runOnce()
  await until('the second output is gone', async () => !(await outputs())[1])
  assert.deepEqual(await outputs(), [false, false, true])
})
