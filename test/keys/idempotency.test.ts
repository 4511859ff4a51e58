import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Service, startService } from '../support/service.ts'
import { makeKey } from './setup.ts'

let service: Service
before(async () => {
  service = await startService({ clock: '2026-06-18T08:00:00Z' })
})
after(() => service.close())

test('an Idempotency-Key counts for the API key that sent it, and for no other', async () => {
  const [one, other] = [
    await makeKey(service, { scopes: ['jobs:write'] }),
    await makeKey(service, { scopes: ['jobs:write'] }),
  ]
  const job = { name: 'mine', schedule: '0 9 * * *', action: { type: 'http', url: 'http://127.0.0.1:9/' } }
  const make = (as: Record<string, string>, body: object = job) =>
    service.api('POST', '/api/jobs', body, { ...as, 'idempotency-key': 'same' })
  const first = await make(one.as)
  const others = await make(other.as, { ...job, name: 'theirs' })
  assert.deepEqual([first.status, others.status], [201, 201])
  assert.notEqual(first.body.job.id, others.body.job.id)
  const again = await make(one.as)
  assert.deepEqual(
    [again.status, again.body.job.id, again.headers.get('idempotency-replayed')],
    [201, first.body.job.id, 'true'],
  )
})
