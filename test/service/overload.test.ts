import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTarget, type Target } from '../../dev/target/index.ts'
import { type Json, type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'

let service: Service
let other: Target
before(async () => {
  other = await startTarget()
  service = await startService({ clock: at('09:00:00'), env: { MAX_CONCURRENT_RUNS: '2' } })
  service.target.behave('/hang', { does: 'hang' })
})
after(async () => {
  await service.close()
  await other.close()
})

function at(time: string): Date {
  return new Date(`2026-06-18T${time}Z`)
}

const makeHanging = (schedule: string): Promise<Json> =>
  service.makeJob({ schedule, action: { type: 'http', url: `${service.target.url}/hang` } })

/** A fire at the time that it names. */
async function fire(job: Json, time: string) {
  service.setClock(at(time))
  const { status, body, headers } = await service.fire({ job_id: job.id, fire_at: at(time).toISOString() })
  return { status, code: body.code ?? null, retryAfterS: Number(headers.get('retry-after')) }
}

const slotsOf = async (job: Json): Promise<Json[]> =>
  (await service.api('GET', `/api/jobs/${job.id}/slots`)).body.slots

/** The next test has the places for itself. */
async function endAll() {
  const { body: all } = await service.api('GET', '/api/jobs')
  for (const { id } of all.jobs) await service.api('POST', `/api/jobs/${id}/pause`)
  await cancelAll()
}

async function cancelAll() {
  const { body } = await service.api('GET', '/api/runs?status=claimed,running')
  for (const { id } of body.runs) await service.api('POST', `/api/runs/${id}/cancel`)
}

test('a slot that is skipped because the run before had no place says so', async () => {
  const [first, second] = [await makeHanging('every 1m'), await makeHanging('every 1m')]
  // half of the two places is for this target
  assert.equal((await fire(first, '09:01:00')).status, 202)
  assert.equal((await fire(second, '09:01:00')).status, 202)
  await fire(first, '09:02:00')
  await fire(second, '09:02:00')
  const reasons = [(await slotsOf(first)).at(-1), (await slotsOf(second)).at(-1)].map((slot) => slot?.reason)
  assert.deepEqual(reasons, [
    'overlap: the previous run was still live',
    'no place: the previous run was still waiting for one',
  ])
  await endAll()
})

test('a fire whose run would wait for longer than its job can afford is refused, and no other one', async () => {
  service.setClock(at('10:00:00'))
  const [first, second] = [await makeHanging('every 2s'), await makeHanging('every 2s')]
  const patient = await makeHanging('every 1h')
  const elsewhere = await service.makeJob({
    schedule: 'every 2s',
    action: { type: 'http', url: `${other.url}/quick` },
  })
  assert.equal((await fire(first, '10:00:02')).status, 202)
  const waitsAt = performance.now()
  assert.equal((await fire(second, '10:00:02')).status, 202)
  await until('a run waits for a second, longer than a quarter of its period', async () => {
    const { body } = await service.api('GET', '/api/status')
    return body.waiting_for_place.runs === 1
  })
  const startedAt = performance.now()
  const refused = await fire(second, '10:00:04')
  assert.deepEqual([refused.status, refused.code], [503, 'QUEUE_FULL'])
  // as long as the one before has waited, or half of that
  const waitedS = Math.ceil((performance.now() - waitsAt) / 1_000)
  const most = Math.max(2, waitedS)
  assert.ok(refused.retryAfterS >= 1 && refused.retryAfterS <= most, `${refused.retryAfterS} of ${most}`)
  assert.ok(performance.now() - startedAt >= 1_900, 'it was held, so that it counts as load')
  assert.equal((await slotsOf(second)).at(-1)?.verdict, 'due', 'nothing was claimed')

  assert.equal((await fire(elsewhere, '10:00:04')).status, 202, 'another target has places')
  assert.equal((await fire(patient, '11:00:00')).status, 202, 'an hour has room for the wait')
  await endAll()
})

test('a fire that was held is taken if there is room by then', async () => {
  service.setClock(at('12:00:00'))
  const [first, second] = [await makeHanging('every 2s'), await makeHanging('every 2s')]
  for (const job of [first, second]) assert.equal((await fire(job, '12:00:02')).status, 202)
  await until('a run waits', async () => {
    const { body } = await service.api('GET', '/api/status')
    return body.waiting_for_place.runs === 1
  })
  const held = fire(second, '12:00:04')
  await cancelAll()
  assert.equal((await held).status, 202)
  await endAll()
})
