import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Service, startService } from '../support/service.ts'

let service: Service
before(async () => {
  service = await startService({ clock: '2026-06-18T08:00:00Z' })
})
after(() => service.close())

test('a job whose schedule cannot be evaluated any more stops and says so, and the next one runs', async () => {
  const { api, database, nas, target } = service
  const broken = await service.makeJob({ name: 'broken' })
  const sound = await service.makeJob({ name: 'sound' })
  await database.sql`update jobs set schedule = schedule || '{"expr":"no cron at all"}', version = version + 1 where id = ${broken.id}`
  service.setClock('2026-06-18T09:00:00Z')
  await nas.setTime('2026-06-18T09:00:00Z')
  const [call] = await target.waitFor(1)
  assert.equal(call?.headers['x-chronos-job'], sound.id)
  const { body } = await api('GET', `/api/jobs/${broken.id}`)
  assert.equal(body.job.state, 'error')
  assert.match(body.job.last_error, /schedule/)
})
