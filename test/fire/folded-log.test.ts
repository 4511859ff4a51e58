import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFoldedLog } from '../../src/ground/folded-log.ts'
import { createTestLog, createTestDelays } from '../schedulers/setup.ts'

const line = (reason: string) => ({ level: 'info' as const, fields: { reason }, message: 'refused' })

test('the first line of a kind is written at once, the others of its minute are counted', async () => {
  const { delays, count, elapse } = createTestDelays()
  const log = createTestLog()
  const folded = createFoldedLog(delays)
  for (let n = 0; n < 1_000; n++) folded.write(log, 'expired', line(`exp ${n}`))
  folded.write(log, 'forged', line('signature'))
  assert.deepEqual(
    log.lines.map(({ fields }) => fields),
    [{ reason: 'exp 0' }, { reason: 'signature' }],
  )
  assert.equal(await elapse(), 60_000)
  await elapse()
  assert.deepEqual(log.lines.slice(2), [
    { level: 'info', message: 'refused (repeated within a minute)', fields: { reason: 'exp 0', times: 999 } },
  ])
  folded.write(log, 'expired', line('exp of the next minute'))
  assert.equal(log.lines.length, 4)
  assert.equal(count(), 1)
})

test('what is counted when the process ends is written then, and no timer stays', async () => {
  const { delays, count } = createTestDelays()
  const log = createTestLog()
  const folded = createFoldedLog(delays)
  for (let n = 0; n < 3; n++) folded.write(log, 'expired', line('exp'))
  folded.end()
  assert.equal(log.lines[1]?.fields['times'], 2)
  assert.equal(count(), 0)
})
