import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { createChannelStore } from '../../db/index.ts'
import { putChannel, startSealing } from '../channels/setup.ts'
import { remindOfFailures } from '../../src/delivery/reminder.ts'
import type { Service } from '../support/service.ts'

let service: Service
before(async () => {
  service = await startSealing()
})
after(() => service.close())

const hook = { type: 'webhook', url: 'https://a.example' }
const reminded = async () => {
  const lines: string[] = []
  await remindOfFailures(createChannelStore(service.database.db), (line) => lines.push(line))
  return lines.length > 0
}

test('a service is reminded until a default channel in use hears of failures', async () => {
  assert.equal(await reminded(), true)
  await putChannel(service, 'one', hook)
  await putChannel(service, 'two', { ...hook, default_on: ['success'] })
  assert.equal(await reminded(), true)
  await putChannel(service, 'three', { ...hook, default_on: ['failure', 'recovery'] })
  assert.equal(await reminded(), false)
  await service.database.sql`
    update channels set disabled_at = now(), disabled_reason = 'gone' where name = 'three'`
  assert.equal(await reminded(), true)
  await putChannel(service, 'four', { ...hook, default_on: 'always' })
  assert.equal(await reminded(), false)
})

test('a deploy is told by the migration', async () => {
  await service.database.sql`delete from channels`
  const env = { PATH: process.env['PATH'] ?? '', DATABASE_URL: service.database.url }
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['src/migrate.ts'], { env })
  assert.match(stdout, /nothing to apply/)
  assert.match(stderr, /No default channel receives failures, .*PUT \/api\/channels/)
})
