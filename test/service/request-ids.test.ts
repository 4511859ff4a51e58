import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startService } from '../support/service.ts'

test('the id of a call is its own over all processes', async (t) => {
  const first = await startService({ begin: false })
  const { database, nas, target } = first
  const second = await startService({ database, nas, target, begin: false })
  t.after(async () => {
    await second.close()
    await first.close()
  })
  for (const service of [first, first, second]) await service.makeJob()
  const { body } = await first.api('GET', '/api/audit')
  const ids = (body.entries as { request_id: string }[]).map(({ request_id: id }) => id)
  assert.equal(new Set(ids).size, 3)
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
})
